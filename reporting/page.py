"""One HTML file out of values: scripts, styles and data inside, nothing fetched.

Values reach the page as JSON that no text can break out of, and the page's scripts put them into
the document as text only. The policy names the page's own scripts by hash, so none other runs.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from react_agent.files import write_whole

TEMPLATES = Path(__file__).parent / "templates"
VENDOR = TEMPLATES / "vendor" / "chart-4.6.1.umd.min.js"
APP = ("dom", "grid", "charts", "overview", "tasks", "trajectory", "lessons", "main")
"""The page's scripts, in the order in which they are put together."""
INLINE_BYTES = 10 * 2**20
"""Details beyond this lie in files beside the page, which loads them when they are looked at."""
FILE_BYTES = 2**20
"""Of one such file: details are packed so that a run of many cases is not as many files."""


@dataclass(frozen=True)
class Written:
    """What lies on disk now."""

    page: Path
    bytes: int
    files: int = 0
    """Detail files beside the page."""


def to_json(value: Any) -> str:
    """JSON that can stand in a script element: no `<` leaves it, and any text survives."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def write_page(
    output: Path, title: str, index: Mapping[str, Any], details: Mapping[str, str]
) -> Written:
    """`details` are JSON texts by key. Raises OSError when the target cannot be written."""
    folder = output.with_name(f"{output.stem}_files")
    _clear(folder)
    large = sum(map(len, details.values())) > INLINE_BYTES
    places: dict[str, str] = {}
    packs = list(_packs(details)) if large else []
    for number, pack in enumerate(packs):
        name = f"details-{number}.js"
        # JSON inside a string: parsed by JSON.parse, no key of it can mean anything to JavaScript.
        lines = [f"trace2skill.add({to_json(key)},{to_json(text)});" for key, text in pack]
        write_whole(folder / name, "\n".join(lines) + "\n")
        places |= {key: f"{folder.name}/{name}" for key, _ in pack}
    text = _render(title, {**index, "places": places}, {} if large else details, bool(packs))
    write_whole(output, text)
    return Written(output, len(text.encode()), len(packs))


def _packs(details: Mapping[str, str]) -> Iterable[list[tuple[str, str]]]:
    pack: list[tuple[str, str]] = []
    for entry in details.items():
        pack.append(entry)
        if sum(len(text) for _, text in pack) > FILE_BYTES:
            yield pack
            pack = []
    if pack:
        yield pack


def _clear(folder: Path) -> None:
    """Files of an earlier page by this name; nothing else is touched."""
    for file in folder.glob("details-*.js") if folder.is_dir() else ():
        file.unlink()


def _render(title: str, index: Mapping[str, Any], details: Mapping[str, str], files: bool) -> str:
    parts = [(TEMPLATES / "app" / f"{name}.js").read_text("utf-8") for name in APP]
    app = '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    chart = VENDOR.read_text("utf-8").split("\n//# sourceMappingURL")[0] + "\n"
    style = (TEMPLATES / "style.css").read_text("utf-8")
    scripts = " ".join(_hash(text) for text in (chart, app))
    beside = " file: 'self'" if files else ""
    policy = (
        f"default-src 'none'; script-src {scripts}{beside}; "
        f"style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(
        loader=PackageLoader("reporting", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=title,
        policy=policy,
        style=Markup(style),
        chart=Markup(chart),
        app=Markup(app),
        index=Markup(to_json(index)),
        details={key: Markup(text) for key, text in details.items()},
        recorded=bool(index["recorded"]),
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"

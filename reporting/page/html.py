"""One HTML file out of values: scripts, styles and data inside, nothing fetched.

Values reach the page as JSON that no text can break out of, and the page's scripts put them into
the document as text only. The policy names the page's own scripts by hash, so none other runs.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from react_agent.files import write_whole

TEMPLATES = Path(__file__).parent / "templates"
VENDOR = TEMPLATES / "vendor" / "chart-4.6.1.umd.min.js"
APP = (
    "dom",
    "grid",
    "charts",
    "overview",
    "tasks",
    "remarks",
    "trajectory",
    "lessons",
    "main",
)
"""The page's scripts, in the order in which they are put together."""
INLINE_BYTES = 10 * 2**20
"""Details beyond this lie in files beside the page, which loads them when they are looked at."""
FILE_BYTES = 2**20
"""Of one such file: details are packed so that a run of many cases is not as many files."""


def to_json(value: Any) -> str:
    """JSON that can stand in a script element: no `<` leaves it, and any text survives."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


@dataclass
class Details:
    """Details of trajectories as they come: kept for the page while they are few, else written to
    files beside it, so that memory does not grow with the runs."""

    output: Path
    inside: dict[str, str] = field(default_factory=dict)
    """JSON texts by key, not yet written."""
    places: dict[str, str] = field(default_factory=dict)
    """By key, the file beside the page."""
    files: int = 0
    _bytes: int = 0
    _spilling: bool = False

    def __post_init__(self) -> None:
        self.folder = self.output.with_name(f"{self.output.stem}_files")
        for file in self.folder.glob("details-*.js") if self.folder.is_dir() else ():
            file.unlink()  # of an earlier page by this name; nothing else is touched

    def add(self, key: str, text: str) -> None:
        """Raises OSError when a file cannot be written."""
        self.inside[key] = text
        self._bytes += len(text)
        self._spilling = self._spilling or self._bytes > INLINE_BYTES
        if self._spilling and self._bytes > FILE_BYTES:
            self.close()

    def close(self) -> None:
        """Write what is still held, once any of it had to go to files."""
        if not self._spilling:
            return
        for pack in _packs(self.inside):
            name = f"details-{self.files}.js"
            # JSON inside a string: JSON.parse reads it, so no key can mean anything to JavaScript.
            lines = [f"trace2skill.add({to_json(key)},{to_json(text)});" for key, text in pack]
            write_whole(self.folder / name, "\n".join(lines) + "\n")
            self.places |= {key: f"{self.folder.name}/{name}" for key, _ in pack}
            self.files += 1
        self.inside, self._bytes = {}, 0


def write_page(
    title: str, index: Mapping[str, Any], details: Details, hidden: Callable[[str], str]
) -> int:
    """The size in bytes; `hidden` takes out of the index's JSON what shall not be read.

    Raises OSError when the target cannot be written.
    """
    details.close()
    known = hidden(to_json(index))[:-1] + f',"places":{to_json(details.places)}}}'
    text = _render(title, known, details, recorded=bool(index["recorded"]))
    write_whole(details.output, text)
    return len(text.encode())


def _packs(details: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    pack: list[tuple[str, str]] = []
    size = 0
    for key, text in details.items():
        pack.append((key, text))
        size += len(text)
        if size > FILE_BYTES:
            yield pack
            pack, size = [], 0
    if pack:
        yield pack


def _render(title: str, index: str, details: Details, *, recorded: bool) -> str:
    parts = [(TEMPLATES / "app" / f"{name}.js").read_text("utf-8") for name in APP]
    app = '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    chart = VENDOR.read_text("utf-8").split("\n//# sourceMappingURL")[0] + "\n"
    style = (TEMPLATES / "style.css").read_text("utf-8")
    scripts = " ".join(_hash(text) for text in (chart, app))
    beside = " file: 'self'" if details.files else ""
    policy = (
        f"default-src 'none'; script-src {scripts}{beside}; "
        f"style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(
        loader=PackageLoader("reporting.page", "templates"),
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
        index=Markup(index),
        details={key: Markup(text) for key, text in details.inside.items()},
        recorded=recorded,
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"

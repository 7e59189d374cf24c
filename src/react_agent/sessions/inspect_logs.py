"""Logs of Inspect (inspect_ai), JSON or `.eval` archives; a sample is a session. An archive is a
ZIP file of JSON documents, packed by zstandard, which Python's `zipfile` reads from 3.14 on.

Scores become feedback: what a scorer of somebody else said is no verdict of ours.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.evidence import Reference, Session, Step
from react_agent.sessions.reading import (
    LARGEST,
    DocumentEvidence,
    Row,
    document,
    items,
    mapping,
    stamped,
    text_of,
    tool_call,
)

ASIDE = re.compile(r"attachment://([0-9a-f]{32})")
HEADERS = ("header.json", "_journal/start.json")
"""What a finished and an interrupted evaluation says of itself, in its archive."""
WRONG = ("I", "N", 0, False)
"""Values of a score that say so: incorrect, no answer."""


class InspectLogs(DocumentEvidence):
    name = "inspect"
    suffixes = (".json", ".eval")

    def sessions(self, file: Path) -> Mapping[str, Row]:
        return _samples(file, file.stat().st_mtime_ns)

    def read(self, reference: Reference) -> Session:
        sample = self.one(reference)
        about = sample.row("eval")
        cached = "input_tokens_cache_read"
        sent = ("input_tokens", cached, "input_tokens_cache_write")
        return Session(
            reference,
            model=about.word("model"),
            started=sample.word("started_at") or about.word("created"),
            steps=tuple(_steps(sample, reference.id)),
            calls={
                f"{reference.id} {name}": mapping(used).tokens(sent, "output_tokens", cached)
                for name, used in sample.row("model_usage").items()
            },
        )


@lru_cache(maxsize=1)
def _samples(file: Path, changed: int) -> Mapping[str, Row]:
    """Of one log, as they are read one after another; each with what is said of all."""
    log = mapping(_unpacked(file) if file.suffix == ".eval" else document(file))
    about = log.row("eval")
    run = about.word("run_id") or file.stem
    return {
        f"{run}-{sample.get('id')}-{sample.get('epoch', 1)}": Row({**sample, "eval": about})
        for sample in (log.rows("samples") if about else ())
    }


def _unpacked(file: Path) -> Row:
    """As the log is in its JSON form.

    Raises ContractError for what is no archive, needs a package that is missing, or unpacks to
    more than `LARGEST` bytes.
    """
    try:
        zipfile = import_module("zipfile")
        if not hasattr(zipfile, "ZIP_ZSTANDARD"):
            zipfile = import_module("backports.zstd.zipfile")
    except ImportError:
        raise ContractError(
            f"{file}: packed by zstandard: pip install 'trace2skill-toolkit[inspect]', "
            "or make JSON of it: inspect log convert --to json"
        ) from None
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            header = next(name for name in HEADERS if name in names)
            samples = sorted(n for n in names if n.startswith("samples/") and n.endswith(".json"))
            about, *found = _documents(archive, [header, *samples])
            return Row({"eval": about.get("eval"), "samples": found})
    except Exception as error:  # zipfile and zstandard raise a dozen kinds for broken bytes
        raise ContractError(f"{file}: cannot be read as an archive of Inspect: {error}") from None


def _documents(archive: Any, names: list[str]) -> Iterator[Any]:
    left = LARGEST
    for name in names:
        with archive.open(name) as packed:
            text = packed.read(left + 1)
        left -= len(text)
        if left < 0:
            raise ValueError(f"it unpacks to more than {LARGEST >> 20} MiB")
        yield json.loads(text)


def _steps(sample: Row, known: str) -> Iterator[Step]:
    aside = sample.row("attachments")
    for number, message in enumerate(items(_put_back(sample.get("messages"), aside))):
        line = message.word("id") or str(number)
        yield from stamped(_said(message), f"{known}:{line}")
    for name, score in sample.row("scores").items():
        about = mapping(score)
        value = about.get("value")
        said = f"{name} {value} {about.text('explanation')}".strip()
        yield Step("feedback", said, failed=value in WRONG, line=f"{known}:{name}")
    if error := sample.row("error"):
        yield Step("abort", error.text("message"), failed=True, line=f"{known}:error")


def _said(message: Row) -> Iterator[Step]:
    role, text = message.get("role"), text_of(_visible(message.get("content")))
    if role == "tool":
        error = message.row("error").text("message")
        called, name = message.word("tool_call_id"), message.word("function")
        told = "\n".join(filter(None, [text, error]))
        yield Step("tool_result", told, name=name, call=called, failed=bool(error))
        return
    for part in message.rows("content"):
        if part.get("type") == "reasoning":
            yield Step("thought", part.text("reasoning"))
    if text:
        kind = "say" if role == "assistant" else "user" if role == "user" else "injected"
        yield Step(kind, text)  # type: ignore[arg-type]
    for call in message.rows("tool_calls"):
        yield tool_call(call, "arguments", "function")


def _visible(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [p for p in content if not (isinstance(p, dict) and p.get("type") == "reasoning")]


def _put_back(value: Any, aside: Row) -> Any:
    """`value` with the long texts that Inspect has laid aside, wherever it names one."""
    if isinstance(value, str):
        return ASIDE.sub(lambda found: text_of(aside.get(found[1])) or found[0], value)
    if isinstance(value, list):
        return [_put_back(one, aside) for one in value]
    if isinstance(value, dict):
        return {name: _put_back(one, aside) for name, one in value.items()}
    return value

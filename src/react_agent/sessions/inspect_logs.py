"""Logs of Inspect (inspect_ai), its JSON form and its `.eval` archives; a sample is a session.

Scores become feedback: what a scorer of somebody else said is no verdict of ours.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.evidence import Reference, Session, Step
from react_agent.sessions.eval_archive import read_archive
from react_agent.sessions.reading import (
    LARGEST,
    DocumentEvidence,
    Row,
    document,
    items,
    mapping,
    text_of,
    tokens,
    word,
)

ASIDE = re.compile(r"attachment://([0-9a-f]{32})")
WRONG = ("I", "N", 0, False)
"""Values of a score that say so: incorrect, no answer."""


class InspectLogs(DocumentEvidence):
    name = "inspect"
    suffixes = (".json", ".eval")

    def load(self, file: Path) -> Row:
        return _load(file, file.stat().st_mtime_ns)

    def ids(self, value: Row, file: Path) -> Sequence[str]:
        return list(_samples(value, file))

    def read(self, reference: Reference) -> Session:
        value = self.load(reference.file)
        sample = _samples(value, reference.file).get(reference.id)
        if sample is None:
            raise ContractError(f"{reference.file}: holds no sample {reference.id}")
        about = mapping(value.get("eval"))
        usage = mapping(sample.get("model_usage")).items()
        return Session(
            reference,
            model=word(about.get("model")),
            started=word(sample.get("started_at")) or word(about.get("created")),
            steps=tuple(_steps(sample, reference.id)),
            calls={
                f"{reference.id} {name}": tokens(
                    mapping(used),
                    ("input_tokens", "input_tokens_cache_read", "input_tokens_cache_write"),
                    "output_tokens",
                    "input_tokens_cache_read",
                )
                for name, used in usage
            },
        )


@lru_cache(maxsize=1)
def _load(file: Path, changed: int) -> Row:
    """One log, as its samples are read one after another."""
    return mapping(read_archive(file, LARGEST) if file.suffix == ".eval" else document(file))


def _samples(value: Row, file: Path) -> dict[str, dict[str, Any]]:
    about = mapping(value.get("eval"))
    run = word(about.get("run_id")) or file.stem
    return {
        f"{run}-{sample.get('id')}-{sample.get('epoch', 1)}": sample
        for sample in (items(value.get("samples")) if about else ())
    }


def _steps(sample: Row, known: str) -> Iterator[Step]:
    aside = mapping(sample.get("attachments"))
    for number, message in enumerate(items(_put_back(sample.get("messages"), aside))):
        line = word(message.get("id")) or str(number)
        yield from _said(message, f"{known}:{line}")
    for name, score in mapping(sample.get("scores")).items():
        value = mapping(score).get("value")
        said = f"{name} {value} {text_of(mapping(score).get('explanation'))}".strip()
        yield Step("feedback", said, failed=value in WRONG, line=f"{known}:{name}")
    if error := mapping(sample.get("error")):
        yield Step("abort", text_of(error.get("message")), failed=True, line=f"{known}:error")


def _said(message: dict[str, Any], line: str) -> Iterator[Step]:
    role, text = message.get("role"), text_of(_visible(message.get("content")))
    if role == "tool":
        error = text_of(mapping(message.get("error")).get("message"))
        called, name = word(message.get("tool_call_id")), word(message.get("function"))
        told = "\n".join(filter(None, [text, error]))
        yield Step("tool_result", told, name=name, call=called, failed=bool(error), line=line)
        return
    for part in items(message.get("content")):
        if part.get("type") == "reasoning":
            yield Step("thought", text_of(part.get("reasoning")), line=line)
    if text:
        kind = "say" if role == "assistant" else "user" if role == "user" else "injected"
        yield Step(kind, text, line=line)  # type: ignore[arg-type]
    for call in items(message.get("tool_calls")):
        name, arguments = word(call.get("function")), mapping(call.get("arguments"))
        called = word(call.get("id"))
        yield Step("tool_call", name=name, arguments=arguments, call=called, line=line)


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

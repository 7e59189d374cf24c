"""Trajectory logs: one file a run, and the only reader of their names and contents.

`<log_dir>/<agent>_<id>.md`, with `@<input stem>` after the id where a task has several inputs,
and `_SUCCEED` or `_FAILED` before the suffix once a verdict is known (contracts: rollouts, triage).
Logs of the paper's released code are read too (`released.py`). Id and stem are spelled as
filenames.py spells them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from react_agent.configfile import first_problem
from react_agent.errors import ContractError
from react_agent.filenames import file_name, is_cut, text_of
from react_agent.files import read_lines, write_whole
from react_agent.model import Message, Role
from react_agent.runs import released
from react_agent.runs.settings import LogFormat
from react_agent.seams import NOT_THE_AGENT, Status

Tag = Literal["SUCCEED", "FAILED"]
SUFFIXES: dict[LogFormat, str] = {"markdown": ".md", "jsonl": ".jsonl"}

HEAD, TAIL = 16_000, 16_000
"""Characters of a log in which its task is named, and bytes in which its result begins."""
# The released triage adds a tag at every start; the last one counts.
_ENDING = r"(?:@(?P<case>.+?))?(?:_(?P<tag>SUCCEED|FAILED))*\Z"
_NAME = re.compile(rf"(?P<agent>[a-z0-9_]+?_agent)_(?P<id>.+?){_ENDING}")
_SECTION = re.compile(r"^## (?:\[(\d+)\] (SYSTEM|USER|ASSISTANT)|(RESULT))$", re.MULTILINE)
_LOOKS_LIKE_SECTION = re.compile(r"^(\\*)(## (?:\[\d+\] |RESULT\b))", re.MULTILINE)
_ESCAPED_SECTION = re.compile(r"^\\(\\*## (?:\[\d+\] |RESULT\b))", re.MULTILINE)
_FENCED = re.compile(r"\AObservation:\n(`{3,})\n(.*)\n\1\Z", re.DOTALL)


@dataclass(frozen=True)
class LogName:
    """What a log file's name says."""

    agent: str
    task_id: str
    case: str = ""
    """The input's stem where the task has several inputs, else empty."""
    tag: Tag | None = None

    @property
    def stem(self) -> str:
        case = f"@{file_name(self.case)}" if self.case else ""
        tag = f"_{self.tag}" if self.tag else ""
        return f"{self.agent}_{file_name(self.task_id)}{case}{tag}"

    @classmethod
    def of(cls, found: re.Match[str]) -> "LogName":
        tag: Tag | None = found["tag"]  # type: ignore[assignment]
        return cls(found["agent"], text_of(found["id"]), text_of(found["case"] or ""), tag)


@dataclass(frozen=True)
class Log:
    """One run as its file holds it."""

    messages: tuple[Message, ...]
    result: Mapping[str, Any]
    """success, status, turns, error, and what else the runner knew (model, seed, tokens)."""
    title: str = ""
    path: Path | None = field(default=None, compare=False)
    by_release: bool = False
    """Written by the paper's released code."""

    @property
    def status(self) -> Status | None:
        """None for a log without a result, which a crash may leave."""
        value = self.result.get("status")
        return value if value in get_args(Status) else None

    @property
    def not_the_agent(self) -> bool:
        """Ended by infrastructure or a crash of ours, or never ended."""
        return not self.result or self.status in NOT_THE_AGENT


def render_markdown(log: Log) -> str:
    lines = [f"# {log.title}", ""]
    lines += [f"- {key}: {_one_line(value)}" for key, value in log.result.items()]
    parts = ["\n".join(lines)]
    for number, message in enumerate(log.messages, start=1):
        parts.append(f"## [{number}] {message.role.upper()}\n\n{_body(message)}")
    shown = ("success", "status", "turns", "error")
    rows = [f"- {key}: {_one_line(log.result.get(key, ''))}" for key in shown]
    parts.append("## RESULT\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def parse_markdown(text: str) -> Log:
    """Read back what `render_markdown` wrote; a log without a result section gives no result."""
    if released.is_markdown(text):
        return Log(*released.from_markdown(text), by_release=True)
    sections = list(_SECTION.finditer(text))
    head = text[: sections[0].start()] if sections else text
    title = re.match(r"# (.*)", head)
    result = _rows(head)
    messages: list[Message] = []
    ended = False
    ends = [*(s.start() for s in sections[1:]), len(text)][: len(sections)]
    for section, end in zip(sections, ends, strict=True):
        if section[3]:
            ended = True
            continue
        body = text[section.end() : end].removeprefix("\n\n").removesuffix("\n\n")
        role: Role = section[2].lower()  # type: ignore[assignment]
        if fenced := _FENCED.match(body):
            body = f"Observation:\n{fenced[2]}"
        messages.append(Message(role=role, content=_ESCAPED_SECTION.sub(r"\1", body)))
    return Log(tuple(messages), result if ended else {}, title[1] if title else "")


def render_jsonl(log: Log) -> str:
    lines: list[Any] = [message.model_dump() for message in log.messages]
    lines.append({"title": log.title, "result": dict(log.result)})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def write_log(log_dir: Path, name: LogName, log: Log, log_format: LogFormat) -> Path:
    """Write the log whole and remove the same run's earlier ones, whatever their tag."""
    path = log_dir / (name.stem + SUFFIXES[log_format])
    text = render_markdown(log) if log_format == "markdown" else render_jsonl(log)
    write_whole(path, text)
    for tag, suffix in product((None, *get_args(Tag)), SUFFIXES.values()):
        other = log_dir / (replace(name, tag=tag).stem + suffix)
        if other != path:
            other.unlink(missing_ok=True)
    return path


def read_log(path: Path) -> Log:
    """Raises ContractError when the file cannot be read as a log."""
    try:
        if path.suffix == ".jsonl":
            log = _from_lines(list(read_lines(path)))
        else:
            log = parse_markdown(path.read_bytes().decode("utf-8", "surrogatepass"))
        return replace(log, path=path)
    except ValidationError as error:
        raise ContractError(f"{path}: is no trajectory log: {first_problem(error)}") from None
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path}: is no trajectory log: {error}") from error


def read_result(path: Path) -> Log:
    """A log without its messages, from its two ends where that is enough.

    Raises ContractError as `read_log`.
    """
    try:
        if path.suffix == ".jsonl":
            last = json.loads(_tail(path).rstrip(b"\n").rpartition(b"\n")[2])
            if isinstance(last, dict) and "result" in last and not released.is_lines([last]):
                return replace(_from_lines([last]), path=path)
        elif b"\n## RESULT\n" in _tail(path):
            with path.open("rb") as file:
                head, section, _ = file.read(HEAD).partition(b"\n## ")
            text = head.decode("utf-8", "surrogatepass")
            if section and not released.is_markdown(text):
                return replace(parse_markdown(f"{text}\n## RESULT\n"), path=path)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        pass  # what does not look so is read whole, and complained about there
    return replace(read_log(path), messages=())


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - TAIL))
        return file.read()


def find_logs(log_dir: Path) -> list[tuple[LogName, Path]]:
    """The logs of a folder in name order."""
    paths = sorted(log_dir.iterdir() if log_dir.is_dir() else ())
    return [(name, path) for path in paths if (name := name_of(path))]


def name_of(path: Path) -> LogName | None:
    """What a log's name says; None for a file that is no log. Where it does not show where the
    agent's name ends, or is cut, the log does."""
    if path.suffix not in SUFFIXES.values():
        return None
    usual = _NAME.match(path.stem)
    if not usual or is_cut(path.stem):
        rows = _rows_in(path)
        task, case = str(rows.get("task", "")), str(rows.get("case", ""))
        told = rf"(?P<agent>.+?)_(?P<id>{re.escape(file_name(task))}){_ENDING}"
        if task and (found := re.match(told, path.stem)):
            name = replace(LogName.of(found), task_id=task)
            return replace(name, case=case) if file_name(case) == found["case"] else name
    return LogName.of(usual) if usual else None


def _rows_in(path: Path) -> Mapping[str, Any]:
    """What a log says of itself, also one that breaks off."""
    try:
        if path.suffix == ".jsonl":
            return read_result(path).result
        with path.open(encoding="utf-8", errors="replace") as file:
            return _rows(file.read(HEAD))
    except (ContractError, OSError):
        return {}


def check_name(agent: str) -> None:
    """Raises ContractError for an agent's name that cannot stand in a log's."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", agent) or "_agent_" in agent:
        raise ContractError(
            f"agent {agent!r}: its logs could not be told; a name has letters, digits, '.', '_' "
            "and '-', and no _agent_ in its middle"
        )


def _from_lines(lines: list[Any]) -> Log:
    if released.is_lines(lines):
        return Log(*released.from_lines(lines), by_release=True)
    result: dict[str, Any] = {}
    title = ""
    messages = []
    for line in lines:
        if "result" in line:
            result, title = line["result"], line.get("title", "")
        else:
            messages.append(Message.model_validate(line))
    return Log(tuple(messages), result, title)


def _body(message: Message) -> str:
    """Observations stand in a fence longer than any inside; look-alike headings are escaped."""
    content = _LOOKS_LIKE_SECTION.sub(r"\\\1\2", message.text)
    if not content.startswith("Observation:\n"):
        return content
    inner = content.removeprefix("Observation:\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", inner)), default=2)
    fence = "`" * (longest + 1)
    return f"Observation:\n{fence}\n{inner}\n{fence}"


def _one_line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else json.dumps(value)


def _rows(text: str) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for key, value in re.findall(r"^- ([a-z_]+): (.*)$", text, re.MULTILINE):
        try:
            rows[key] = json.loads(value)
        except ValueError:
            rows[key] = value
    return rows

"""Sessions written as the logs of a run, with their signals beside."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.configfile import read_records
from react_agent.errors import ContractError
from react_agent.evidence import Session
from react_agent.files import digest, read_json, read_lines, write_json, write_whole
from react_agent.layout import SIGNALS, RunLayout
from react_agent.lock import only_start
from react_agent.runs.folder import CaseResult, now
from react_agent.runs.logs import render_markdown, write_log
from react_agent.sessions.as_log import SessionLog, session_log, signal_rows
from trace2skill.online.finding import Found, find_sessions
from trace2skill.online.settings import SessionImport

SOURCE = "sessions"
"""Stands in run.json in place of a benchmark: nothing can be scored here."""


@dataclass(frozen=True)
class Imported:
    """What an import has written."""

    layout: RunLayout
    written: int
    kept: int
    """Sessions that are as they were."""
    signals: int
    """Of all sessions of the run."""
    problems: tuple[str, ...]


def import_sessions(settings: SessionImport) -> Imported:
    """Raises ContractError where there is nothing to import, and for a folder of another run."""
    found = find_sessions(settings)
    chosen = _chosen(found, settings)
    if not chosen:
        raise ContractError("no session to import; `trace2skill sessions list` shows what there is")
    entries = _logs(chosen, settings.with_signals)
    return write_sessions(entries, settings.output_dir, found.problems)


def write_sessions(
    entries: Iterable[SessionLog], output_dir: Path, problems: Sequence[str] = ()
) -> Imported:
    """Add them to the run in this folder. Raises ContractError for a folder of another run."""
    layout = RunLayout.below(output_dir)
    with only_start(output_dir):
        known = _open(layout)
        written, kept = 0, 0
        fresh: dict[str, list[dict[str, Any]]] = {}
        asked = _instructions(layout)
        for entry in entries:
            case = _case(entry)
            fresh[case.id] = list(signal_rows(entry))
            asked[case.id] = entry.session.task
            if (earlier := known.get(case.id)) and _same(earlier, case, layout):
                kept += 1
                continue
            path = write_log(layout.logs, entry.name, entry.log, "markdown")
            known[case.id] = case.model_copy(update={"log_file": path.name})
            written += 1
        signals = _signals(layout.root / SIGNALS, fresh)
        results = [{"id": task, "instruction": text} for task, text in asked.items()]
        write_json(layout.results, {"agent_name": SOURCE, "results": results})
        _write_lines(layout.lines, [case.model_dump(mode="json") for case in known.values()])
    return Imported(layout, written, kept, signals, tuple(problems))


def _chosen(found: Found, settings: SessionImport) -> Sequence[tuple[Any, Session]]:
    if not settings.ids:
        return found.sessions
    chosen = []
    for start in settings.ids:
        some = found.beginning(start)
        if not some:
            raise ContractError(f"no session {start}; `trace2skill sessions list` shows them")
        chosen += some
    return chosen


def _logs(chosen: Sequence[tuple[Any, Session]], with_signals: bool) -> Iterator[SessionLog]:
    for evidence, session in chosen:
        entry = session_log(evidence, session)
        if entry.signals or not with_signals:
            yield entry


def _case(entry: SessionLog) -> CaseResult:
    session = entry.session
    return CaseResult(
        id=entry.name.task_id,
        input_file=entry.name.task_id,
        status=session.status,
        success=False,
        agent_answer=next((s.text for s in reversed(session.steps) if s.kind == "say"), "")[:4000],
        turns=int(entry.log.result["turns"]),
        usage=session.usage,
        fingerprint=digest(render_markdown(entry.log)),
        finished_at=now(),
    )


def _same(earlier: CaseResult, case: CaseResult, layout: RunLayout) -> bool:
    return earlier.fingerprint == case.fingerprint and (layout.logs / earlier.log_file).is_file()


def _open(layout: RunLayout) -> dict[str, CaseResult]:
    """The sessions that are there already; a folder of rollouts is left alone."""
    if layout.settings.exists():
        record = read_json(layout.settings)
        settings = record.get("settings") if isinstance(record, dict) else None
        if not isinstance(settings, dict) or settings.get("domain") != SOURCE:
            raise ContractError(f"{layout.root}: holds a run of another kind; name another folder")
    elif layout.lines.exists() or (layout.logs.is_dir() and any(layout.logs.iterdir())):
        raise ContractError(f"{layout.root}: holds results without a run.json; name another folder")
    else:
        write_json(
            layout.settings,
            {"settings": {"domain": SOURCE, "agent": SOURCE}, "sessions": []},
        )
    return {case.id: case for case in read_records(CaseResult, layout.lines)}


def _instructions(layout: RunLayout) -> dict[str, str]:
    """By session, of earlier imports."""
    earlier = read_json(layout.results) if layout.results.exists() else {}
    rows = earlier.get("results") if isinstance(earlier, dict) else None
    return {
        str(row["id"]): str(row.get("instruction", ""))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and "id" in row
    }


def _signals(file: Path, fresh: dict[str, list[dict[str, Any]]]) -> int:
    old = [row for row in read_lines(file) if isinstance(row, dict)]
    rows = [row for row in old if row.get("task") not in fresh]
    rows += [row for some in fresh.values() for row in some]
    _write_lines(file, rows)
    return len(rows)


def _write_lines(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    write_whole(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

"""The folder of one run: its settings, one line per finished case, and the summary built from them.

`run.json` (what decides the results) is written first, `results.jsonl` grows by a line a case,
`results.json` is built at the end and after every break. A second start keeps what is finished.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from react_agent.configfile import differences, read_records
from react_agent.errors import ContractError
from react_agent.files import append_line, digest, read_json, write_json, write_whole
from react_agent.layout import RESULT_LINES, RESULTS, RUN_SETTINGS
from react_agent.model import Usage
from react_agent.seams import NOT_THE_AGENT, REFUSED, Status

Key = tuple[str, str]


class CaseResult(BaseModel, frozen=True, allow_inf_nan=False):
    """One line of results.jsonl."""

    id: str
    input_file: str
    output_file: str | None = None
    status: Status
    success: bool
    """An output workbook exists; whether it is right is the scorer's to say."""
    error: str | None = None
    agent_answer: str = ""
    turns: int = 0
    usage: Usage = Field(default_factory=Usage)
    seconds: float = 0.0
    fingerprint: str = ""
    """Hash of what the agent was given; empty where nobody noted it."""
    output_digest: str = ""
    folder_seen: str = ""
    """What its folder was called while the agent worked in it, and so in its log."""
    log_file: str = ""
    finished_at: str = ""

    @property
    def key(self) -> Key:
        return self.id, self.input_file

    @property
    def owed(self) -> bool:
        """Ended by no doing of the agent's: the next start runs it again."""
        return self.status in NOT_THE_AGENT

    @property
    def ended(self) -> str:
        """What a progress line calls it."""
        if self.owed:
            return "infra"
        if self.success:
            return "output"
        return REFUSED if self.status == REFUSED else "no output"


class RunFolder:
    """Opens, extends and sums up one run. Not for two processes at once."""

    def __init__(self, output_dir: Path, results_file: Path | None = None) -> None:
        self.output_dir = output_dir
        self.settings_file = output_dir / RUN_SETTINGS
        self.lines_file = output_dir / RESULT_LINES
        self.results_file = results_file or output_dir / RESULTS
        self.results: dict[Key, CaseResult] = {}
        self._started = time.monotonic()
        self._earlier_seconds = 0.0
        self._record: dict[str, Any] = {}

    def open(
        self,
        settings: Mapping[str, Any],
        environment: Mapping[str, Any],
        *,
        overwrite: bool,
        outputs: Iterable[Path] = (),
        found: Iterable[CaseResult] | None = None,
    ) -> None:
        """Start or go on. Raises ContractError when what lies here was made with other settings.

        `outputs` are the files that runs on this data set write; no others are ever removed. With
        `found`, a folder without run.json, as the paper's released code leaves it, is gone on
        with: these cases are taken as done.
        """
        outputs = list(outputs)
        for folder in {self.output_dir, *(path.parent for path in outputs)}:
            for rest in folder.glob(".*.tmp"):  # of a start that was killed while writing
                rest.unlink(missing_ok=True)
        if overwrite:
            for path in (*outputs, self.settings_file, self.lines_file, self.results_file):
                path.unlink(missing_ok=True)
        if self.settings_file.exists():
            self._go_on(settings)
        else:
            if found is None or self.lines_file.exists():
                self._refuse_strangers(outputs)
            for result in found or ():  # this run's from now on
                self.add(result)
            earlier = self.results_file.with_stem(f"{self.results_file.stem}_before")
            if self.results_file.is_file() and not earlier.exists():
                write_whole(earlier, self.results_file.read_bytes())
            self._record = {"settings": dict(settings), "sessions": []}
        session = {"started_at": now(), "environment": dict(environment), "seconds": 0.0}
        self._record["sessions"].append(session)
        write_json(self.settings_file, self._record)

    def _go_on(self, settings: Mapping[str, Any]) -> None:
        self._record = read_json(self.settings_file)
        try:
            was, sessions = self._record["settings"], list(self._record["sessions"])
            self._record["sessions"] = sessions
            self._earlier_seconds = sum(float(s.get("seconds", 0.0)) for s in sessions)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise ContractError(f"{self.settings_file}: is no run of this toolkit") from None
        changes = differences(was, settings)
        if changes:
            raise ContractError(
                f"{self.output_dir} holds a run with other settings; give another --output_dir, "
                "or --overwrite to start over:\n" + "\n".join(f"  {line}" for line in changes)
            )
        self.results = {line.key: line for line in read_records(CaseResult, self.lines_file)}

    def _refuse_strangers(self, outputs: Iterable[Path]) -> None:
        """Outputs that nobody can say the origin of would be scored as this run's."""
        stranger = next((path for path in outputs if path.exists()), None)
        if stranger or self.lines_file.exists():
            raise ContractError(
                f"{self.output_dir} holds results without a run.json (such as "
                f"{stranger or self.lines_file}); give another --output_dir, --missing_only to "
                "take them as done, or --overwrite"
            )

    def is_finished(self, key: Key, *, missing_only: bool = False) -> bool:
        """The case needs no run: the agent ended it and its output is still what it was."""
        result = self.results.get(key)
        if result is None or result.owed:
            return False
        if result.output_file is None:
            return not missing_only
        path = self.output_dir / result.output_file
        return path.is_file() and digest(path.read_bytes()) == result.output_digest

    def check_fingerprints(self, fingerprints: Mapping[Key, str]) -> None:
        """Raises ContractError when a finished case was run on other data than it would be now."""
        changed = [
            key[0]
            for key, fingerprint in fingerprints.items()
            if key in self.results and self.results[key].fingerprint not in ("", fingerprint)
        ]
        if changed:
            raise ContractError(
                f"{self.output_dir}: the data of {len(changed)} finished cases has changed "
                f"({', '.join(changed[:5])}); give another --output_dir, or --overwrite"
            )

    def add(self, result: CaseResult) -> None:
        self.results[result.key] = result
        append_line(self.lines_file, result.model_dump())

    def write_summary(
        self,
        tasks: Sequence[tuple[str, str]],
        header: Mapping[str, Any],
        problems: Mapping[str, str],
    ) -> dict[str, Any]:
        """Build results.json over all cases of the folder, `tasks` (id, instruction) first."""
        instructions = dict(tasks)
        by_task: dict[str, list[CaseResult]] = {task_id: [] for task_id, _ in tasks}
        for result in self.results.values():
            by_task.setdefault(result.id, []).append(result)
        instances = [
            _instance(task_id, instructions.get(task_id, ""), cases, problems.get(task_id))
            for task_id, cases in by_task.items()
        ]
        successes = sum(1 for instance in instances if instance["success"])
        seconds = self._earlier_seconds + time.monotonic() - self._started
        usage = sum((r.usage for r in self.results.values()), Usage())
        summary = {
            **header,
            "timestamp": now(),
            "total_instances": len(instances),
            "successful_instances": successes,
            "success_rate": successes / len(instances) if instances else 0.0,
            "statuses": dict(Counter(r.status for r in self.results.values())),
            "usage": usage.model_dump(),
            "elapsed_seconds": round(seconds, 3),
            "results": instances,
        }
        write_json(self.results_file, summary)
        self._record["sessions"][-1]["seconds"] = round(time.monotonic() - self._started, 3)
        write_json(self.settings_file, self._record)
        return summary


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _instance(
    task_id: str, instruction: str, cases: Iterable[CaseResult], problem: str | None
) -> dict[str, Any]:
    rows = sorted(cases, key=lambda case: case.input_file)
    errors = [case.error for case in rows if case.error]
    return {
        "id": task_id,
        "instruction": instruction,
        "success": bool(rows) and all(case.success for case in rows),
        "error": problem or (errors[0] if errors else None),
        "test_cases": [
            case.model_dump(exclude={"id", "fingerprint", "output_digest"}) for case in rows
        ],
    }

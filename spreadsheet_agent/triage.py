"""Triage: join verdicts with trajectory logs and mark each log as solved or failed.

python analyze_results.py --eval_results run/outputs/eval_official_results.json --log_dir run/logs
"""

import argparse
import csv
import io
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import (
    OK,
    add_flag,
    add_logging_flag,
    positive,
    run_script,
    script_parser,
)
from react_agent.layout import LOGS, VERDICTS, seed_folders, seed_of
from react_agent.text import one_line

if TYPE_CHECKING:
    from react_agent.runs.logs import Log, LogName
    from spreadsheetbench.scoring.verdicts import Evaluation, TaskVerdict

log = logging.getLogger(__name__)

SOLVED, FAILED, INFRASTRUCTURE, NO_LOG = "solved", "failed", "infrastructure", "no log"
NOT_UNDERSTOOD = "log not understood"
COLUMNS = (
    *("instance_id", "passed", "soft_score", "hard_score"),
    *("error_message", "log_file", "instruction"),
    *("seed", "case", "instruction_type", "outcome", "status", "turns"),
)
"""Of --csv: the released ones in their order (no verdict file holds an instruction), then ours."""


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Join verdicts with trajectory logs: print a summary and rename each log to "
        "..._SUCCEED or ..._FAILED. Runs that infrastructure ended keep a plain name, logs that "
        "cannot be understood the name they have.",
        epilog="Exit codes: 0 done, 2 wrong input. Verdicts without a log are counted.",
    )
    add_flag(
        parser,
        "--eval_results",
        type=Path,
        required=True,
        help="written by evaluate_with_official.py; with --repeat the folder of the seed_* ones",
    )
    add_flag(
        parser, "--log_dir", type=Path, help="trajectory logs; default: logs beside the outputs"
    )
    add_flag(parser, "--failed_only", action="store_true", help="list failed runs only")
    add_flag(parser, "--passed_only", action="store_true", help="list solved runs only")
    add_flag(parser, "--csv", type=Path, metavar="FILE", help="also write the list as CSV")
    add_flag(parser, "--no_details", action="store_true", help="the summary without the list")
    add_flag(parser, "--repeat", type=positive, default=1, help="above 1: every seed_* folder")
    add_flag(
        parser, "--base_log_dir", type=Path, help="with --repeat: holds the seed_* log folders"
    )
    add_logging_flag(parser)
    return parser


@dataclass(frozen=True)
class Row:
    """One run: a task (or one test case of it), its verdict and its log."""

    id: str
    seed: str
    case: str
    instruction_type: str
    outcome: str
    status: str
    turns: int
    message: str
    log: str
    passed: bool
    soft_score: float
    hard_score: int


def triage(evaluation: "Evaluation", log_dir: Path, seed: str = "") -> list[Row]:
    """Join and rename; doing it again changes nothing, and a changed verdict renames again.

    No log is ever put in another's place. Raises ContractError when `log_dir` does not exist.
    """
    from react_agent.errors import ContractError
    from react_agent.runs.logs import find_logs

    if not log_dir.is_dir():
        raise ContractError(f"{log_dir}: no such folder; give the run's --log_dir")
    logs: dict[str, list[tuple[LogName, Path]]] = {}
    for name, path in find_logs(log_dir):
        logs.setdefault(name.task_id, []).append((name, path))
    rows = []
    for verdict in evaluation.results:
        found = logs.get(verdict.id, [])
        if not found:
            rows.append(_row(verdict, seed, "", NO_LOG, "", 0, ""))
        rows += [_join(verdict, name, path, seed) for name, path in found]
    return rows


def _join(verdict: "TaskVerdict", name: "LogName", path: Path, seed: str) -> Row:
    from react_agent.errors import ContractError
    from react_agent.runs.logs import read_log

    try:
        read = read_log(path)
    except ContractError as error:
        log.warning("%s", error)
        return _row(verdict, seed, name.case, NOT_UNDERSTOOD, "", 0, str(path))
    outcome, target = _outcome(verdict, name, read)
    renamed = _rename(path, target.stem) if target else path
    return _row(
        verdict, seed, name.case, outcome, str(read.status or ""), _turns(read), str(renamed)
    )


def _outcome(verdict: "TaskVerdict", name: "LogName", read: "Log") -> tuple[str, "LogName | None"]:
    """What became of the run, and the name its log is to have; None: the one it has."""
    if not read.result:
        return NOT_UNDERSTOOD, None
    if read.not_the_agent:  # the released code only says "exception": its verdict may stand
        return INFRASTRUCTURE, None if read.by_release else replace(name, tag=None)
    if _passed(verdict, name.case):
        return SOLVED, replace(name, tag="SUCCEED")
    return FAILED, replace(name, tag="FAILED")


def _rename(path: Path, stem: str) -> Path:
    renamed = path.with_name(stem + path.suffix)
    if renamed == path:
        return path
    if renamed.exists():
        log.warning("%s keeps its name, as there is a %s; keep one of them", path, renamed.name)
        return path
    path.replace(renamed)
    return renamed


def _passed(verdict: "TaskVerdict", case: str) -> bool:
    """The verdict of this log's own test case where the task has several."""
    from spreadsheetbench.tasks.dataset import output_name

    if not case:
        return verdict.success
    wanted = output_name(f"{case}.xlsx")
    return any(t.passed for t in verdict.test_cases if Path(t.output_file).name == wanted)


def _turns(log: "Log") -> int:
    turns = log.result.get("turns")
    return turns if isinstance(turns, int) else 0


def _row(
    verdict: "TaskVerdict", seed: str, case: str, outcome: str, status: str, turns: int, log: str
) -> Row:
    messages = [t.message for t in verdict.test_cases if t.message and not t.passed]
    message = verdict.error or (messages[0] if messages else "")
    return Row(
        id=verdict.id,
        seed=seed,
        case=case,
        instruction_type=verdict.instruction_type,
        outcome=outcome,
        status=status,
        turns=turns,
        message=message,
        log=log,
        passed=_passed(verdict, case),
        soft_score=verdict.soft_score or 0.0,
        hard_score=verdict.hard_score or 0,
    )


def summary(rows: Sequence[Row]) -> str:
    outcomes = Counter(row.outcome for row in rows)
    scored = outcomes[SOLVED] + outcomes[FAILED]
    lines = [f"{len(rows)} runs: " + ", ".join(f"{n} {o}" for o, n in outcomes.most_common())]
    if scored:
        share = outcomes[SOLVED] / scored
        lines.append(
            f"solved {outcomes[SOLVED]} of the {scored} that the agent ended ({share:.1%})"
        )
    for kind in sorted({row.instruction_type for row in rows} - {""}):
        own = Counter(row.outcome for row in rows if row.instruction_type == kind)
        lines.append(f"  {kind}: {own[SOLVED]} of {own[SOLVED] + own[FAILED]}")
    for outcome in (SOLVED, FAILED):
        turns = [row.turns for row in rows if row.outcome == outcome]
        if turns:
            lines.append(f"mean turns when {outcome}: {sum(turns) / len(turns):.1f}")
    return "\n".join(lines)


def details(rows: Iterable[Row]) -> str:
    lines = [f"{'id':<14} {'outcome':<14} {'ended':<16} {'turns':>5}  why"]
    for row in rows:
        seed = f" (seed {row.seed})" if row.seed else ""
        why = "" if row.outcome == SOLVED else one_line(row.message, 60)
        case = f"@{row.case}" if row.case else ""
        lines.append(
            f"{row.id + case + seed:<14} {row.outcome:<14} {row.status:<16} {row.turns:>5}  {why}"
        )
    return "\n".join(lines)


def as_csv(rows: Iterable[Row]) -> str:
    """The released columns, and ours behind them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        released = {"instance_id": row.id, "error_message": row.message, "log_file": row.log}
        writer.writerow({**asdict(row), **released, "instruction": ""})
    return text.getvalue()


def analyze(args: argparse.Namespace) -> int:
    from react_agent.files import write_whole

    rows = _seeds(args) if args.repeat > 1 else _one(args.eval_results, args.log_dir)
    print(summary(rows))
    wanted = {SOLVED} if args.passed_only else {FAILED} if args.failed_only else None
    chosen = [row for row in rows if wanted is None or row.outcome in wanted]
    if not args.no_details and chosen:
        print("\n" + details(chosen))
    if args.csv:
        write_whole(args.csv, as_csv(chosen))
    return OK


def _one(eval_results: Path, log_dir: Path | None, seed: str = "") -> list[Row]:
    from react_agent.files import read_json
    from spreadsheetbench.scoring.verdicts import Evaluation

    folder = log_dir or _beside(eval_results)
    evaluation = Evaluation.from_json(read_json(eval_results), eval_results)
    return triage(evaluation, folder, seed)


def _beside(eval_results: Path) -> Path:
    """The runner's default (`<output_dir>/logs`), or the published layout (`outputs`, `logs`)."""
    inside = eval_results.parent / LOGS
    return inside if inside.is_dir() else eval_results.parent.parent / LOGS


def _seeds(args: argparse.Namespace) -> list[Row]:
    """Of every seed that has verdicts; `--eval_results` is their folder, or a file in it."""
    from react_agent.errors import ContractError

    given: Path = args.eval_results
    folder, name = (given, VERDICTS) if given.is_dir() else (given.parent, given.name)
    files = [file for seed in seed_folders(folder) if (file := seed / name).exists()]
    if not files:
        raise ContractError(
            f"{folder}: holds no seed_*/{name}; run evaluate_with_official.py --repeat first"
        )
    if len(files) != args.repeat:
        log.warning("%s: all %d seeds are taken, --repeat says %d", folder, len(files), args.repeat)
    base = args.base_log_dir or args.log_dir or _beside(folder / name)
    return [
        row for file in files for row in _one(file, base / file.parent.name, seed_of(file.parent))
    ]


def main(argv: list[str] | None = None) -> int:
    return run_script(analyze, build_parser(), argv)

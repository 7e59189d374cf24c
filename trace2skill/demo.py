"""The whole pipeline on the bundled tasks, with recorded replies: no account, no network."""

import argparse
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.cli import OK, add_flag, positive, run_script, script_parser

DATA = Path("data/mini")
CASSETTE = DATA / "cassette.jsonl"
SKILLS = Path("spreadsheet_agent/skills")
MODEL = "scripted-demo-model"


@dataclass(frozen=True)
class Entrant:
    """One row of the closing table."""

    label: str
    folder: str
    agent: tuple[str, ...]


ENTRANTS = (
    Entrant("no skill", "no_skill", ("--agent", "cli_only")),
    Entrant("xlsx skill", "xlsx", ("--agent", "cli_skill_preloaded", "--skill", "xlsx")),
)


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Run the pipeline on the 24 bundled tasks. By default every reply of the model comes from "
        "a cassette of scripted replies: it shows the mechanics and measures nothing."
    )
    add_flag(parser, "--output_dir", type=Path, default=Path("outputs/demo"), help="all results")
    add_flag(parser, "--workers", type=positive, default=4, help="cases in flight")
    parser.add_argument("--live", action="store_true", help="ask a real endpoint instead")
    model = os.environ.get("OPENAI_MODEL", "gpt-4o")
    add_flag(parser, "--model", default=model, help="with --live: the model; OPENAI_MODEL")
    add_flag(parser, "--generation_config", help="with --live: sampling settings")
    parser.add_argument("--keep", action="store_true", help="go on with an earlier demo's results")
    return parser


def demo(args: argparse.Namespace) -> int:
    """Every stage by its own entry point, as the README's commands call them."""
    from spreadsheet_agent import rollouts, triage
    from spreadsheetbench import evaluate

    root = Path(__file__).resolve().parent.parent
    os.chdir(root)
    output = args.output_dir
    if not args.keep:
        shutil.rmtree(output, ignore_errors=True)
    source = _live(args) if args.live else ["--model", MODEL, "--replay", str(CASSETTE)]
    for entrant in ENTRANTS:
        base = output / entrant.folder
        print(f"\n== {entrant.label}: rollouts, verdicts, triage ==", flush=True)
        _stage(
            rollouts.main,
            ["--data_path", str(DATA), "--output_dir", str(base / "outputs")],
            ["--working_dir", str(base / "work"), "--log_dir", str(base / "logs")],
            ["--skills_dir", str(SKILLS), "--workers", str(args.workers), *entrant.agent],
            source,
        )
        _stage(evaluate.main, ["--data_path", str(DATA), "--output_dir", str(base / "outputs")])
        results = base / "outputs" / "eval_official_results.json"
        _stage(
            triage.main,
            ["--eval_results", str(results), "--log_dir", str(base / "logs"), "--no_details"],
        )
    print("\n" + table(output))
    print(_next_steps(output, args.live))
    return OK


class StageFailed(Exception):
    """Carries the exit code of the stage that ended the demo."""


def _stage(main: Callable[[list[str]], int], *flags: list[str]) -> None:
    code = main([flag for group in flags for flag in group])
    if code != OK:
        raise StageFailed(code)


def _live(args: argparse.Namespace) -> list[str]:
    config = ["--generation_config", args.generation_config] if args.generation_config else []
    return ["--model", args.model, *config]


def table(output: Path) -> str:
    """Per agent: tasks, solved, turns, tokens, seconds, from the files that the stages wrote."""
    lines = [f"{'agent':<14}{'tasks':>7}{'solved':>8}{'turns':>7}{'tokens':>10}{'seconds':>9}"]
    for entrant in ENTRANTS:
        base = output / entrant.folder / "outputs"
        run = json.loads((base / "results.json").read_text())
        verdicts = json.loads((base / "eval_official_results.json").read_text())["summary"]
        cases: list[dict[str, Any]] = [c for r in run["results"] for c in r["test_cases"]]
        tokens = run["usage"]["prompt_tokens"] + run["usage"]["completion_tokens"]
        lines.append(
            f"{entrant.label:<14}{verdicts['total_instances']:>7}"
            f"{verdicts['fully_correct_instances']:>8}{sum(c['turns'] for c in cases):>7}"
            f"{tokens:>10,}{run['elapsed_seconds']:>9.1f}"
        )
    return "\n".join(lines)


def _next_steps(output: Path, live: bool) -> str:
    base = output / ENTRANTS[-1].folder
    mark = "" if live else "Recorded replies of a script, not a measurement of any model.\n"
    return (
        f"{mark}Look next at\n"
        f"  {base}/logs/                 every conversation, named by its verdict\n"
        f"  {base}/outputs/results.json  what was run; eval_official_results.json beside it: verdicts\n"
        "  README.md                    the same stages on your own model and on SpreadsheetBench"
    )


def main(argv: list[str] | None = None) -> int:
    try:
        return run_script(demo, build_parser(), argv)
    except StageFailed as failure:
        return int(failure.args[0])

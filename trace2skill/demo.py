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

ROOT = Path(__file__).resolve().parent.parent
DATA = Path("data/mini")
CASSETTE = DATA / "cassette.jsonl"
SKILLS = Path("spreadsheet_agent/skills")
SEED_SKILL = "xlsx-basic"
MODEL = "scripted-demo-model"
TRAIN, HELD_OUT = ("0", "12"), ("12", "24")


@dataclass(frozen=True)
class Entrant:
    """One row of the closing table."""

    label: str
    folder: str
    split: tuple[str, str]
    skill: str = ""

    @property
    def where(self) -> str:
        return "train" if self.split == TRAIN else "held out"

    def agent(self, skills: Path) -> list[str]:
        if not self.skill:
            return ["--agent", "cli_only"]
        return [
            "--agent",
            "cli_skill_preloaded",
            "--skills_dir",
            str(skills),
            "--skill",
            self.skill,
        ]


TEACHER = Entrant(SEED_SKILL, "train_seed_skill", TRAIN, SEED_SKILL)
BASELINES = (
    Entrant("no skill", "test_no_skill", HELD_OUT),
    Entrant(SEED_SKILL, "test_seed_skill", HELD_OUT, SEED_SKILL),
    Entrant("xlsx", "test_xlsx", HELD_OUT, "xlsx"),
)
EVOLVED = Entrant(f"{SEED_SKILL} evolved", "test_evolved_skill", HELD_OUT, SEED_SKILL)


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Run the whole pipeline on the 24 bundled tasks: baselines, verdicts, lessons, evolution, "
        "and the evolved skill on the held-out half. By default every reply of the model comes "
        "from a cassette of scripted replies: it shows the mechanics and measures nothing."
    )
    output = Path("outputs/demo")
    add_flag(parser, "--output_dir", type=Path, default=output, help="all results, made anew")
    add_flag(parser, "--workers", type=positive, default=4, help="cases in flight")
    parser.add_argument("--live", action="store_true", help="ask a real endpoint instead")
    model = os.environ.get("OPENAI_MODEL", "gpt-4o")
    add_flag(parser, "--model", default=model, help="with --live; else OPENAI_MODEL")
    add_flag(parser, "--base_url", help="with --live: the endpoint; else OPENAI_BASE_URL")
    add_flag(parser, "--generation_config", help="with --live: sampling settings")
    add_flag(parser, "--record", help="with --live: also write the replies to a cassette")
    parser.add_argument("--keep", action="store_true", help="go on with an earlier demo's results")
    return parser


class Demo:
    """The stages in order, each by its own entry point, as the README's commands call them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.output: Path = args.output_dir
        self.workers = str(args.workers)
        self.live: bool = args.live
        self.model_flags = _live(args) if args.live else _recorded()
        self.evolved_skills = self.output / "evolution" / "skills"

    def run(self) -> None:
        self.roll_out(TEACHER, SKILLS)
        self.learn()
        self.evolve()
        for entrant in BASELINES:
            self.roll_out(entrant, SKILLS)
        self.roll_out(EVOLVED, self.evolved_skills)

    def roll_out(self, entrant: Entrant, skills: Path) -> None:
        from spreadsheet_agent import rollouts, triage
        from spreadsheetbench import evaluate

        _title(f"{entrant.label}, {entrant.where} tasks: rollouts, verdicts, triage")
        base = self.output / entrant.folder
        start, end = entrant.split
        tasks = ["--data_path", str(DATA), "--start_idx", start, "--end_idx", end]
        outputs = ["--output_dir", str(base / "outputs")]
        places = ["--working_dir", str(base / "work"), "--log_dir", str(base / "logs")]
        agent = [*entrant.agent(skills), "--workers", self.workers]
        _stage(rollouts.main, [*tasks, *outputs, *places, *agent, *self.model_flags])
        _stage(evaluate.main, [*tasks, *outputs])
        verdicts = str(base / "outputs" / "eval_official_results.json")
        logs = ["--log_dir", str(base / "logs"), "--no_details"]
        _stage(triage.main, ["--eval_results", verdicts, *logs])

    def learn(self) -> None:
        from analysis import analyze

        _title("lessons: an analyst for every failed run, a single call for every solved one")
        base = self.output / TEACHER.folder
        flags = ["--data_path", str(DATA), "--workers", self.workers]
        _stage(analyze.main, [str(base), *flags, *self.model_flags])

    def evolve(self) -> None:
        from skill_evolver import evolve

        _title("evolution: a patch for every lesson, one merged patch, a checked skill")
        base = self.output / TEACHER.folder
        target = self.evolved_skills / SEED_SKILL
        if not target.exists():
            shutil.copytree(SKILLS / SEED_SKILL, target)
        folder = self.output / "evolution"
        records = ["--error-json", str(base / "error_analysis_parsed.json")]
        records += ["--success-json", str(base / "success_analysis_parsed.json")]
        flags = ["--skill-dir", str(target), "--data-path", str(DATA), *records, "--end-idx", "12"]
        flags += ["--save-intermediates", "--intermediates-dir", str(folder / "intermediates")]
        flags += ["--changelog", str(folder / "change.log"), "--max-workers", self.workers]
        flags += ["--parse-failure-dir", str(folder / "parse_failures")]
        _stage(evolve.main, [*flags, *self.model_flags])

    def show_skill(self) -> None:
        """What evolution added, and where two of the lines come from."""
        from react_agent.skills import Skill, diff_files
        from skill_evolver import blame

        before = Skill.load(SKILLS / SEED_SKILL)
        after = Skill.load(self.evolved_skills / SEED_SKILL)
        _title("the skill's diff")
        print(diff_files(before.files, after.files))
        added = [
            number
            for number, line in enumerate(after.text.splitlines(), start=1)
            if line.strip() and line not in before.text.splitlines()
        ]
        for number in sorted({added[0], added[len(added) // 2]}) if added else ():
            _title(f"trace2skill blame {after.root}/SKILL.md:{number}")
            _stage(blame.main, [f"{after.root}/SKILL.md:{number}"])

    def table(self) -> str:
        """Per agent: tasks, solved, turns, tokens, seconds, from what the stages wrote."""
        head = f"{'agent':<20}{'tasks':<10}{'solved':>8}{'turns':>7}{'tokens':>10}{'seconds':>9}"
        lines = [head]
        for entrant in (TEACHER, *BASELINES, EVOLVED):
            base = self.output / entrant.folder / "outputs"
            run = json.loads((base / "results.json").read_text())
            verdicts = json.loads((base / "eval_official_results.json").read_text())["summary"]
            cases: list[dict[str, Any]] = [c for r in run["results"] for c in r["test_cases"]]
            tokens = run["usage"]["prompt_tokens"] + run["usage"]["completion_tokens"]
            solved = f"{verdicts['fully_correct_instances']}/{verdicts['total_instances']}"
            lines.append(
                f"{entrant.label:<20}{entrant.where:<10}{solved:>8}"
                f"{sum(c['turns'] for c in cases):>7}{tokens:>10,}{run['elapsed_seconds']:>9.1f}"
            )
        return "\n".join(lines)

    def next_steps(self) -> str:
        mark = "" if self.live else "Recorded replies of a script: no measurement of any model.\n"
        base = self.output / TEACHER.folder
        return (
            f"{mark}\nLook next at\n"
            f"  {base}/logs/            conversations, named by their verdicts\n"
            f"  {base}/error_analysis/  a report for every failed run\n"
            f"  {self.output}/evolution/change.log  what the skill has learnt, with support\n"
            f"  trace2skill lessons {self.evolved_skills / SEED_SKILL}\n"
            "  README.md: the same stages on your own model and on SpreadsheetBench"
        )


class StageFailed(Exception):
    """Carries the exit code of the stage that ended the demo."""


def _stage(main: Callable[[list[str]], int], flags: list[str]) -> None:
    code = main(flags)
    if code != OK:
        raise StageFailed(code)


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _recorded() -> list[str]:
    return ["--model", MODEL, "--replay", str(CASSETTE)]


def _live(args: argparse.Namespace) -> list[str]:
    flags = ["--model", args.model]
    for name in ("base_url", "generation_config", "record"):
        if value := getattr(args, name):
            flags += [f"--{name}", value]
    return flags


def demo(args: argparse.Namespace) -> int:
    os.chdir(ROOT)
    if not args.keep:
        shutil.rmtree(args.output_dir, ignore_errors=True)
    whole = Demo(args)
    whole.run()
    whole.show_skill()
    _title("results")
    print(whole.table())
    print(whole.next_steps())
    return OK


def main(argv: list[str] | None = None) -> int:
    try:
        return run_script(demo, build_parser(), argv)
    except StageFailed as failure:
        return int(failure.args[0])

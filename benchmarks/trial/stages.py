"""All stages of the pipeline as one types them, on a few bundled tasks, without a reply cache.

What a stage has finished is read from its files, so that a row can tell work done twice.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from measuring.folders import MINI, SKILLS
from trial.server import Asked, Messages

from react_agent.seams import NOT_THE_AGENT
from skill_evolver.engine.store import prompt_sample

TASKS = ("9001", "901-3", "9015", "9007", "9004")
"""Two that the script's agent fails with the skill as it is, and three that it solves."""
MODEL = "scripted-demo-model"
LEFT = (
    "*outputs/eval_official_results.json",
    "logs/*.md",
    "*_parsed.json",
    "parsed_*.json",
    "*_skills/**/*.md",
    "comparison.md",
)
"""What has to come out the same however often the pipeline was broken."""


def scripted(messages: Messages) -> str:
    """The demo's author; its modules are found beside the bundled tasks."""
    import author

    text: str = author.reply(messages)
    return text


def task_in(messages: Messages) -> str:
    """The bundled task that a conversation is about; empty for those of the evolution."""
    from author_model import TASKS as BUNDLED

    text = "\n".join(message["content"] for message in messages[:2])
    return next((i for i, task in BUNDLED.items() if task["instruction"] in text), "")


@dataclass(frozen=True)
class Stage:
    name: str
    module: str
    argv: tuple[str, ...]
    finished: Callable[[], set[str]] = set
    """The units whose results are on disk."""
    unit: Callable[[Asked], str] = lambda asked: task_in(asked.messages)
    """What a request was made for."""


class Pipeline:
    """The stages in order, all below one folder."""

    def __init__(self, folder: Path, tasks: Sequence[str] = TASKS, *, workers: int = 4) -> None:
        self.folder, self.tasks, self.workers = folder, tasks, workers
        self.stages = (
            self._rollouts("", SKILLS),
            self._verdicts(""),
            self._triage(""),
            self._lessons("error"),
            self._lessons("success"),
            self._parse("error"),
            self._parse("success"),
            self._evolution("parallel", "error"),
            self._evolution("combined", "error", "success"),
            self._rollouts("validation_", folder / "combined_skills"),
            self._verdicts("validation_"),
            self._triage("validation_"),
            self._comparison(),
        )

    def lay_out(self) -> None:
        """What has to be there before the first command: a copy of the skills per evolution."""
        for name in ("parallel", "combined"):
            shutil.copytree(SKILLS, self.folder / f"{name}_skills")

    def _tasks(self) -> list[str]:
        return ["--data_path", str(MINI), "--instance_ids", ",".join(self.tasks)]

    def _model(self) -> list[str]:
        """Without the stop before a disk is full: a row is about what happens when it is."""
        flags = ["--model", MODEL, "--generation_config", json.dumps({"timeout": 60})]
        return [*flags, "--min_free_disk", "0"]

    def _rollouts(self, prefix: str, skills: Path) -> Stage:
        outputs = self.folder / f"{prefix}outputs"
        folders = ["--output_dir", str(outputs), "--log_dir", str(self.folder / f"{prefix}logs")]
        folders += ["--working_dir", str(self.folder / f"{prefix}work")]
        agent = ["--agent", "cli_skill_preloaded", "--skill", "xlsx-basic", "--seeds", "41"]
        agent += ["--skills_dir", str(skills), "--workers", str(self.workers)]
        argv = ("run", *self._tasks(), *folders, *agent, *self._model())
        finished = lines_of(outputs / "results.jsonl")
        return Stage(f"{prefix}rollouts", "trace2skill", argv, finished)

    def _verdicts(self, prefix: str) -> Stage:
        outputs = str(self.folder / f"{prefix}outputs")
        argv = ("evaluate", *self._tasks(), "--output_dir", outputs)
        return Stage(f"{prefix}verdicts", "trace2skill", argv)

    def _triage(self, prefix: str) -> Stage:
        verdicts = self.folder / f"{prefix}outputs" / "eval_official_results.json"
        logs = str(self.folder / f"{prefix}logs")
        argv = ("triage", "--eval_results", str(verdicts), "--log_dir", logs, "--no_details")
        return Stage(f"{prefix}triage", "trace2skill", argv)

    def _lessons(self, kind: str) -> Stage:
        argv = ("analyze", str(self.folder), "--only", kind, "--data_path", str(MINI))
        argv += ("--workers", str(self.workers), *self._model())
        pattern = {"error": "*/analysis.json", "success": "success_analysis_*.json"}[kind]
        finished = cases_of(self.folder / f"{kind}_analysis", pattern)
        return Stage(f"{kind} lessons", "trace2skill", argv, finished)

    def _parse(self, kind: str) -> Stage:
        folder, file = self.folder / f"{kind}_analysis", self.folder / f"parsed_{kind}.json"
        argv = ("--input_dir", str(folder), "--output", str(file))
        return Stage(f"{kind} records", f"analysis.parse_{kind}_analysis_outputs", argv)

    def _evolution(self, name: str, *kinds: str) -> Stage:
        target = self.folder / f"{name}_evolution"
        records = [(f"--{k}-json", str(self.folder / f"parsed_{k}.json")) for k in kinds]
        flags = ["--skill-dir", str(self.folder / f"{name}_skills" / "xlsx-basic")]
        flags += ["--intermediates-dir", str(target / "intermediates"), "--save-intermediates"]
        flags += ["--parse-failure-dir", str(target / "failures"), "--data-path", str(MINI)]
        flags += ["--merge-batch-size", "2", "--max-workers", str(self.workers)]
        flags += ["--patch-file", str(target / "change.patch")]
        argv = ("evolve", *(word for pair in records for word in pair), *flags, *self._model())
        finished = _prompts_of(target / "intermediates")
        return Stage(f"{name} evolution", "trace2skill", argv, finished, _prompt)

    def _comparison(self) -> Stage:
        runs = [str(self.folder / f"{prefix}outputs") for prefix in ("", "validation_")]
        file = str(self.folder / "comparison.md")
        return Stage("comparison", "trace2skill", ("compare", *runs, "--markdown", file))


def lines_of(path: Path) -> Callable[[], set[str]]:
    """Cases in a list of results that need no second run."""

    def finished() -> set[str]:
        found = [line for line in _whole_lines(path) if line["status"] not in NOT_THE_AGENT]
        return {str(line["id"]) for line in found}

    return finished


def _whole_lines(path: Path) -> Iterable[dict[str, str]]:
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except ValueError:  # torn by the kill: that case is owed
            continue


def cases_of(folder: Path, pattern: str) -> Callable[[], set[str]]:
    """Cases whose analysis is kept."""
    return lambda: {
        json.loads(path.read_text("utf-8"))["instance_id"] for path in folder.glob(pattern)
    }


def _prompts_of(folder: Path) -> Callable[[], set[str]]:
    """What calls were asked whose readable replies are kept."""

    def finished() -> set[str]:
        found = set()
        for path in (folder / "calls").rglob("*.json"):
            if json.loads(path.read_text("utf-8"))["read"]:
                name = path.relative_to(folder / "calls").with_suffix("").as_posix()
                text = (folder / prompt_sample(name)).read_text("utf-8")
                found.add(text.partition("\n## USER\n")[2].partition("\n## ASSISTANT\n")[0].strip())
        return found

    return finished


def _prompt(asked: Asked) -> str:
    return asked.messages[1]["content"].strip()


def asked_again(stage: Stage, finished: set[str], asked: Sequence[Asked]) -> list[str]:
    """What was asked for although it had been finished before."""
    again = sorted({stage.unit(one) for one in asked} & finished)
    return [f"{stage.name}: {unit.splitlines()[0][:60]} was asked for again" for unit in again]

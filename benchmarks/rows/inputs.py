"""Row `inputs`: spoilt files through the real commands.

What must come of one: no traceback, nothing that hangs, nothing that acts on the terminal, and,
where the file is refused, exit code 2 and one line that names it. A list may follow, indented.
"""

import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hostile.inputs import BROKEN, HOPELESS, VALUES, Spoiler, spoilt_values
from measuring.folders import MINI, SKILLS
from trial.row import Row, Trial

from trace2skill.cli import main

SECONDS = 30
"""Within which any command has to be done with a file that it cannot use."""
LONGEST_LINE = 2_000
ENDS = (0, 1, 2, 3)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

Argv = Sequence[object]


@dataclass(frozen=True)
class Target:
    """A file of a command."""

    name: str
    file: str
    """Below the world's folder; what stands there is good."""
    argv: Callable[[Path], Argv]
    """The command, in a world's folder."""
    strict: bool = True
    """Whether no file at all and hopeless ones are refused; logs of a run are passed over."""
    optional: bool = False
    """Whether it may be missing."""
    json: bool = True


def _split(at: Path) -> Argv:
    return ["split", "--data_path", at / "data" / "dataset.json", "--split", "stratified"]


def _evolve(*flags: str) -> Callable[[Path], Argv]:
    def argv(at: Path) -> Argv:
        fixed = ["evolve", "--error-json", at / "records.json", "--skill-dir", at / "skills/xlsx"]
        told = [at / flag[1:] if flag.startswith("@") else flag for flag in flags]
        return [*fixed, "--model", "m", "--replay", at / "cassette.jsonl", "--estimate", *told]

    return argv


def _run(*flags: str) -> Callable[[Path], Argv]:
    def argv(at: Path) -> Argv:
        told = [at / flag[1:] if flag.startswith("@") else flag for flag in flags]
        folders = ["--output_dir", at / "outputs", "--working_dir", at / "work"]
        fixed = ["run", "--data_path", at / "data", "--agent", "cli_only", "--sandbox", "none"]
        replayed = [] if "--llm_client" in flags else ["--replay", at / "cassette.jsonl"]
        return [*fixed, *folders, "--model", "m", *replayed, *told]

    return argv


TARGETS = (
    Target("data set", "data/dataset.json", _split),
    Target("lesson records", "records.json", _evolve()),
    Target("patterns", "patterns.json", _evolve("--error-json", "@patterns.json")),
    Target("prices", "prices.json", _evolve("--prices", "@prices.json", "--max-cost", "1")),
    Target(
        "api_chat config",
        "api.json",
        _run("--llm_client", "api_chat", "--api_chat_config", "@api.json", "--max_calls", "0"),
    ),
    Target("cassette", "cassette.jsonl", _run()),
    Target("generation config", "generation.json", _run("--generation_config", "@generation.json")),
    Target("run.json", "outputs/run.json", _run(), optional=True),
    Target("results.jsonl", "outputs/results.jsonl", _run(), strict=False, optional=True),
    Target(
        "budget file",
        "budget.jsonl",
        _run("--budget", "@budget.jsonl", "--max_calls", "0"),
        strict=False,
        optional=True,
    ),
    Target("skill", "skills/xlsx/SKILL.md", _evolve(), strict=False, json=False),
    Target(
        "verdicts",
        "verdicts.json",
        lambda at: ["triage", "--eval_results", at / "verdicts.json", "--log_dir", at / "logs"],
    ),
    Target(
        "verdicts to compare",
        "verdicts.json",
        lambda at: ["compare", at / "other.json", at / "verdicts.json"],
    ),
    Target(
        "trajectory log",
        "logs/cli_only_agent_1.md",
        lambda at: ["triage", "--eval_results", at / "verdicts.json", "--log_dir", at / "logs"],
        strict=False,
        optional=True,
        json=False,
    ),
    Target(
        "recipe",
        "recipe.toml",
        lambda at: ["reproduce", at / "recipe.toml", "--dry-run"],
        json=False,
    ),
    Target(
        "provenance",
        "provenance.json",
        lambda at: ["lessons", at / "skills/xlsx", "--provenance", at / "provenance.json"],
    ),
    Target(
        "list of ids",
        "ids.txt",
        lambda at: ["reproduce", at / "by_ids.toml", "--dry-run"],
        json=False,
    ),
)


def make_world(at: Path) -> None:
    """Small good files of every kind; what spoils one leaves the others."""
    record = json.loads((MINI / "dataset.json").read_text("utf-8"))[0]
    (at / "data").mkdir()
    (at / "logs").mkdir()
    shutil.copytree(MINI / record["spreadsheet_path"], at / "data" / record["spreadsheet_path"])
    shutil.copytree(SKILLS, at / "skills")
    item = {"type": "failure_cause", "number": 1, "title": "t", "description": "d", "content": "c"}
    verdict = {"id": "1", "instruction_type": "", "success": True, "passed_count": 1}
    case = {"gt_file": "g", "output_file": "o", "passed": True, "message": ""}
    verdict |= {"test_cases": [case], "total_count": 1, "soft_score": 1.0, "hard_score": 1}
    counts = ("total_instances", "fully_correct_instances", "total_test_cases", "passed_test_cases")
    shares = ("instance_accuracy", "test_case_accuracy", "avg_soft_score", "avg_hard_score")
    summary = {**dict.fromkeys(counts, 1), **dict.fromkeys(shares, 1.0), "by_instruction_type": {}}
    files: dict[str, Any] = {
        "data/dataset.json": [record],
        "records.json": [{"instance_id": "9001", "source_file": "s", "items": [item]}],
        "patterns.json": {"failure_cause": [{"index": 1, "title": "t", "description": "d"}]},
        "generation.json": {"temperature": 1.0, "top_p": 0.9, "extra_body": {"top_k": 4}},
        "prices.json": {"note": "", "models": {"m": {"prompt": 1, "reply": 2}}},
        "api.json": {"url": "http://127.0.0.1:9/", "model": "m", "default_params": {"top_p": 1}},
        "verdicts.json": {"summary": summary, "results": [verdict]},
        "other.json": {"summary": summary, "results": [verdict]},
        "provenance.json": {"lessons": []},
    }
    for name, value in files.items():
        (at / name).write_text(json.dumps(value), encoding="utf-8")
    recipe = f'data_path = "{at}/data"\noutput = "{at}/repro"\nskills_dir = "{at}/skills"\n'
    recipe += f'[model]\nname = "m"\nreplay = "{at}/cassette.jsonl"\n[split]\n'
    (at / "recipe.toml").write_text(recipe + "train = [0, 1]\ntest = [1, 2]\n")
    (at / "by_ids.toml").write_text(recipe + f'train = "{at}/ids.txt"\ntest = [1, 2]\n')
    (at / "ids.txt").write_text("9001\n")
    log = "# log\n\n## [1] USER\n\nhello\n\n## RESULT\n\n- success: True\n- turns: 1\n"
    (at / "logs" / "cli_only_agent_1.md").write_text(log)
    cassette = (MINI / "cassette.jsonl").read_text("utf-8").splitlines()[:3]
    (at / "cassette.jsonl").write_text("\n".join(cassette) + "\n", encoding="utf-8")
    with _said():
        main([str(word) for word in _run()(at)])  # leaves run.json, and what a run leaves besides
    for name in ("outputs/results.jsonl", "budget.jsonl"):
        if not (at / name).exists():
            (at / name).write_text("{}\n")


class _TooLate(BaseException):
    """Not an Exception: what the command catches has to let it through."""


@contextlib.contextmanager
def _said() -> Iterator[io.BytesIO]:
    """What a terminal would get, by streams as a process has them."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, "utf-8", write_through=True)
    complaints = io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
        yield raw
        out.detach()
        complaints.detach()


def trouble(target: Target, at: Path, *, hopeless: bool = False) -> str:
    """What is wrong with how the command takes the file as it lies there; empty when nothing."""
    argv = [str(word) for word in target.argv(at)]
    with _said() as raw, _deadline():
        try:
            code: object = main(argv)
        except SystemExit as end:
            code = end.code
        except _TooLate:
            return f"not done within {SECONDS} s"
        except BaseException as error:  # a command that falls over is what this row counts
            where = traceback.extract_tb(error.__traceback__)[-1]
            words = f"{type(error).__name__}: {error}"[:150]
            return f"traceback: {words} ({Path(where.filename).name}:{where.lineno})"
        said = raw.getvalue().decode()
    lines = said.rstrip().split("\n")
    last = next((line for line in reversed(lines) if not line.startswith("  ")), "")
    if any("Traceback (most recent" in line for line in lines):
        return f"a traceback is printed: {last[:150]}"
    if _CONTROL.search(said):
        return f"control characters are printed: {last[:100]!r}"
    if code not in ENDS:
        return f"exit code {code}"
    if code == 2 and not (last.startswith("error: ") and len(last) < LONGEST_LINE):
        return f"it is not refused in one line: {last[:150]!r}"
    if hopeless and code != 2:
        return f"exit code {code}, not 2: {last[:150]!r}"
    if (
        hopeless
        and Path(target.file).name not in last
        and Path(target.file).parent.name not in last
    ):
        return f"the file is not named: {last[:150]!r}"
    return ""


@contextlib.contextmanager
def _deadline() -> Iterator[None]:
    def late(number: int, frame: object) -> None:
        raise _TooLate

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def spoilers(target: Target, good: bytes) -> Iterator[tuple[str, Spoiler, bool]]:
    """Name, what it does, and whether the file is hopeless then."""
    for name, spoil in HOPELESS.items():
        may_be = target.optional and name == "missing"
        yield name, spoil, target.strict and not may_be
    for name, spoil in BROKEN.items():
        yield name, spoil, False
    if not target.json:
        return
    for name, content in VALUES.items():
        yield name, partial(_written, content), False
    lines = good.decode().splitlines()
    whole = not target.file.endswith(".jsonl")
    for name, value in spoilt_values(json.loads(good if whole else lines[-1])):
        text = json.dumps(value)
        content = text if whole else "\n".join([*lines[:-1], text])
        yield name, partial(_written, content.encode()), False


def _written(content: bytes, path: Path, good: bytes) -> None:
    path.write_bytes(content)


def tried(target: Target, world: Path, *, every: int, seed: int) -> tuple[int, list[str]]:
    """How many ways to spoil the file were tried, and what came of them; the ones of single values
    `every` so many."""
    path = world / target.file
    good = path.read_bytes()
    chosen = list(spoilers(target, good))
    fixed = len(HOPELESS) + len(BROKEN) + (len(VALUES) if target.json else 0)
    rest = chosen[fixed:]
    random.Random(seed).shuffle(rest)
    wrong = []
    chosen = chosen[:fixed] + rest[::every]
    for name, spoil, hopeless in chosen:
        _remove(path)
        spoil(path, good)
        if words := trouble(target, world, hopeless=hopeless):
            wrong.append(f"{target.name}, {name}: {words}")
        _remove(path)
        path.write_bytes(good)
        if not target.file.startswith("outputs"):
            _remove(world / "outputs")
    return len(chosen), wrong


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def measure(trial: Trial) -> Row:
    total, wrong = 0, []
    # In memory, where there is such a place: every command syncs what it writes.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    for target in TARGETS:
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            make_world(Path(folder))
            every = 10 if trial.reduced else 1
            count, found = tried(target, Path(folder), every=every, seed=trial.seed)
        total += count
        wrong += found
    return Row("malformed files taken otherwise than in one line", total, wrong)

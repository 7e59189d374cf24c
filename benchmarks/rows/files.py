"""Row `files`: hostile workbooks and archives through every stage that opens one.

Each stage is a process of its own; its tree is watched while it goes from file to file. A crash is
an error that no stage may raise, a hang takes longer than its limit, a glutton over 2 GiB.

    PYTHONPATH=benchmarks FAULTS_LIMITS=SECONDS,MEGABYTES \
        python -P benchmarks/rows/files.py STAGE FOLDER NAME...
"""

import asyncio
import functools
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hostile.archives import ARCHIVES
from hostile.books import BOOKS, SECRET, package
from measuring.folders import environment, started
from trial.row import Row, Trial

from react_agent.engines.workers import Workers, WorkLimits
from react_agent.errors import Trace2SkillError
from react_agent.sandbox.limits import GiB, MiB, descendants, memory_of

GRACE = 15.0
"""Seconds beyond a stage's own limit: a busy machine, and a process that is started anew."""
MOST = 2 * GiB
NO_STAGE = "nothing at all"
GOOD = "a good workbook"
"""Comes last in every stage, and has to be read as ever."""


@dataclass
class RunScene:
    """A data set of one task, one of whose workbooks is the hostile one."""

    root: Path

    def __post_init__(self) -> None:
        from spreadsheetbench.tasks.dataset import Dataset

        record = {"id": "1", "instruction": "do it", "answer_position": "A1:B3"}
        self.folder = self.root / "data" / "spreadsheet" / "1"
        self.folder.mkdir(parents=True)
        (self.root / "data" / "dataset.json").write_text(json.dumps([record]))
        self.given, self.gold = self.folder / "1_1_init.xlsx", self.folder / "1_1_golden.xlsx"
        self.output = self.root / "outputs" / "1" / "1_1_output.xlsx"
        self.output.parent.mkdir(parents=True)
        for path in (self.given, self.gold):
            package(path)
        self.dataset = Dataset.load(self.root / "data")
        self.task = self.dataset.tasks[0]


Stage = Callable[[RunScene, Workers], str]
"""Opens the hostile one of a place's workbooks; gives what it found, in words."""


def _preview(place: RunScene, workers: Workers) -> str:
    from spreadsheet_agent.preview import preview

    (case,) = place.dataset.cases(place.task)
    place.dataset.fingerprint(case)
    return preview(case.input_path, workers.limits)


def _score(place: RunScene, workers: Workers, **settings: str) -> str:
    from spreadsheetbench.scoring.score import ScoreJob, score_case
    from spreadsheetbench.scoring.settings import BookScoring

    scoring = BookScoring(**{"proof_cache": "off", **settings})  # type: ignore[arg-type]
    (case,) = place.dataset.scored(place.task)
    folder = place.root / "outputs" / (place.task.spreadsheet_path or place.task.id)
    output = folder / case.output_name
    job = ScoreJob(place.dataset.gold(case), output, place.task.answer_position, settings=scoring)
    (verdict,) = workers.map(score_case, [job])
    return str(verdict)


def _judge(place: RunScene, workers: Workers) -> str:
    from spreadsheetbench.evidence.facts import Question
    from spreadsheetbench.evidence.judge import Judge
    from spreadsheetbench.evidence.variants import KINDS

    async def asked() -> str:
        judge, ask = Judge(workers), Question("A1:B3")
        facts = await judge.facts(place.gold, place.given, place.output, ask)
        await judge.origin(place.output, place.gold, (place.given,))
        await judge.movement(place.gold, place.given, place.gold, place.output, ask)
        for kind in KINDS:
            await judge.draw_variant(place.output, place.root / "other.xlsx", kind, 1, "")
        return str(facts)

    return asyncio.run(asked())


def _grid(place: RunScene, workers: Workers) -> str:
    from reporting.cells.cellgrid import GridJob, grids_of

    job = GridJob(place.given, place.gold, (place.output,), "A1:B3")
    return str(workers.map(grids_of, [job])[0])


def _audit(place: RunScene, workers: Workers) -> str:
    from spreadsheetbench.audit.task import examine

    found = workers.map(functools.partial(examine, place.dataset), [place.task])
    return str(found[0])


def _leaks(place: RunScene, workers: Workers) -> str:
    from analysis.lessons.leaks import scan_tasks

    return str(scan_tasks(["1"], place.root / "data", ""))


def _bare(place: RunScene, workers: Workers) -> str:
    """No stage: what they would be without a defence, to show that this row would see it."""
    import openpyxl

    return str(openpyxl.load_workbook(place.output, data_only=True)["S1"]["A1"].value)


@dataclass(frozen=True)
class Opens:
    stage: Stage
    which: str
    """The workbook of a place that is the hostile one."""
    good: str
    """What a good one shows."""


def _by(**settings: str) -> Stage:
    return functools.partial(_score, **settings)


STAGES = {
    "preview": Opens(_preview, "given", "(1,)"),
    "score by openpyxl": Opens(_by(engine="openpyxl"), "output", "passed=True"),
    "score by rows": Opens(_by(engine="lazy"), "output", "passed=True"),
    "recalculate": Opens(_by(recalculate="uncached"), "output", "passed_recalculated=True"),
    "judge": Opens(_judge, "output", "passed=True"),
    "cell grid": Opens(_grid, "output", "'errors': {}"),
    "audit of golds": Opens(_audit, "gold", "input passes"),
    "audit of inputs": Opens(_audit, "given", "input passes"),
    "leak scan": Opens(_leaks, "gold", "strings={}"),
    NO_STAGE: Opens(_bare, "output", "1"),
}


def books(stage: str, folder: Path, limits: WorkLimits, names: Sequence[str]) -> None:
    opens = STAGES[stage]
    with Workers(1, limits) as workers:
        for number, name in enumerate([*names, GOOD]):
            place = RunScene(folder / str(number))
            path = getattr(place, opens.which)
            path.unlink(missing_ok=True)
            (package if name == GOOD else BOOKS[name])(path)
            _tell(name, "begun")
            try:
                found = opens.stage(place, workers)
            except (Trace2SkillError, OSError) as error:  # what a stage may raise
                found = str(error)
            except Exception as error:  # what none may: that is what this row counts
                _tell(name, "crash", f"{type(error).__name__}: {error}"[:200])
                continue
            if SECRET in found:
                _tell(name, "crash", "it tells what stands in a file of this machine")
            elif name == GOOD and opens.good not in found:
                _tell(name, "crash", f"it is not read as ever: {found[:200]}")
            else:
                _tell(name, "done")


def archives(folder: Path) -> None:
    from spreadsheetbench.tasks.unpack import unpack

    for number, (name, make) in enumerate(ARCHIVES.items()):
        target = folder / str(number) / "in" / "it"
        target.mkdir(parents=True)
        archive = folder / f"{number}.tar.gz"
        archive.write_bytes(make())
        before = {*folder.rglob("*")}
        _tell(name, "begun")
        try:
            unpack(archive, target)
            _tell(name, "crash", "it was unpacked")
            continue
        except Trace2SkillError:
            pass
        except Exception as error:  # as above
            _tell(name, "crash", f"{type(error).__name__}: {error}"[:200])
            continue
        out = {path for path in folder.rglob("*") if not path.is_relative_to(target)} - before
        _tell(name, "crash" if out else "done", f"it wrote {out}" if out else "")


def _tell(name: str, what: str, words: str = "") -> None:
    print(json.dumps([name, what, words]), flush=True)


@dataclass
class Watched:
    """One stage while it runs, seen from outside."""

    stage: str
    limits: WorkLimits
    most: int = MOST
    grace: float = GRACE
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    _name: str = ""
    _since: float = field(default_factory=time.monotonic)
    _peak: int = 0

    def run(self, folder: Path, names: Sequence[str]) -> None:
        limits = f"{self.limits.seconds:g},{self.limits.memory_mb}"
        with subprocess.Popen(
            started(__file__, self.stage, folder, *names),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment({"FAULTS_LIMITS": limits}),
            bufsize=0,  # a line that waits in a buffer would not wake the selector
        ) as process:
            self._since = time.monotonic()
            try:
                self._watch(process)
            finally:
                for pid in descendants(process.pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while True:
                if waiting.select(0.05):
                    line = process.stdout.readline()
                    if not line:
                        break
                    self._heard(*json.loads(line))
                self._peak = max(self._peak, memory_of(descendants(process.pid), self.most))
                if time.monotonic() - self._since > self.limits.seconds + self.grace:
                    self.wrong.append(f"{self.stage}: {self._name}: hangs")
                    return
        if self._name:
            self.wrong.append(f"{self.stage}: {self._name}: the process died")
        elif process.wait():
            words = process.stderr.read().decode()[-300:]
            self.wrong.append(f"{self.stage}: did not run: {words}")

    def _heard(self, name: str, what: str, words: str) -> None:
        self._since = time.monotonic()
        if what == "begun":
            self._name, self._peak = name, 0
            self.tried += name != GOOD
            return
        if what == "crash":
            self.wrong.append(f"{self.stage}: {name}: {words}")
        if self._peak > self.most:
            self.wrong.append(f"{self.stage}: {name}: used {self._peak // MiB:,} MiB")
        self._name = ""


def measure(trial: Trial) -> Row:
    """Reduced: each file goes through one of the stages."""
    limits = WorkLimits(seconds=1 if trial.reduced else 4)
    stages = [Watched(name, limits) for name in (*STAGES, "unpack") if name != NO_STAGE]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as two:

        def run(number: int) -> None:
            place = Path(folder, str(number))
            place.mkdir()
            first = (number + trial.seed) % len(stages)
            names = list(BOOKS)[first :: len(stages)] if trial.reduced else list(BOOKS)
            stages[number].run(place, names)

        list(two.map(run, range(len(stages))))
    what = "files that crash, hang or take over 2 GiB"
    wrong = [line for one in stages for line in one.wrong]
    return Row(what, sum(one.tried for one in stages), wrong)


def _main(stage: str, folder: str, *names: str) -> None:
    seconds, megabytes = map(float, os.environ["FAULTS_LIMITS"].split(","))
    if stage == "unpack":
        archives(Path(folder))
    else:
        books(stage, Path(folder), WorkLimits(seconds, int(megabytes)), names)


if __name__ == "__main__":
    _main(*sys.argv[1:])

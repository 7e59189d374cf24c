"""Row `together`: a command is started while another works on one of its folders.

The second is refused in one line with exit code 2, before it asks a model anything; the first ends
as if it were alone, and the same command started once more is fine.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from trial.program import Program, until
from trial.row import Row, Trial
from trial.server import FaultServer
from trial.stages import TASKS, Pipeline, Stage, scripted

FIRST_CALL, HELD = 120.0, 20.0
"""Seconds to the first call of a stage at most, and that it is held for the others to start."""
SHARED = ("--output_dir", "--log_dir", "--working_dir")


def measure(trial: Trial, *, stages: int = 9, before: str = "") -> Row:
    tried, wrong = 0, []
    tasks = TASKS[:3] if trial.reduced else TASKS
    with TemporaryDirectory() as name, FaultServer(scripted) as server:
        pipeline = Pipeline(Path(name) / "run", tasks, workers=1)
        pipeline.lay_out()
        program = Program(pipeline.folder, server.url, before)
        for stage in pipeline.stages[:stages]:
            asked, server.held_until = len(server.asked), time.monotonic() + FIRST_CALL
            first = program.start(stage.module, *stage.argv)
            until(
                lambda asked=asked, first=first: len(server.asked) > asked or first.has_ended,
                FIRST_CALL,
            )
            server.held_until = time.monotonic() + HELD
            for second in () if first.has_ended else _seconds(stage):
                tried += 1
                ended = program.run(second.module, *second.argv)
                line = ended.complained.strip().rpartition("\n")[2]
                if ended.code != 2 or "is being worked on by process" not in line:
                    wrong.append(f"{second.name}: {ended}")
            server.held_until = 0.0
            for one in (first.ended(), program.run(stage.module, *stage.argv)):
                wrong += [f"{stage.name}: {one}"] if one.code else []
    return Row("two starts on one folder: both work", tried, wrong)


def _seconds(stage: Stage) -> Iterator[Stage]:
    """The same command, and where it names several folders also ones that share one each."""
    yield stage
    if not set(SHARED) <= set(stage.argv):
        return
    for shared in SHARED:
        argv = list(stage.argv)
        for flag in SHARED:
            if flag != shared:
                argv[argv.index(flag) + 1] += f"_beside{shared}"
        yield replace(stage, name=f"{stage.name}, {shared}", argv=tuple(argv))

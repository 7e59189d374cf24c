"""`--as_released`: the temperature of the released code reaches the wire, whatever the config."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from evolving import make_skill
from project import ROOT
from releasedrun import ReleasedRun
from stub_server import StubServer, reply

CONFIG = ("--generation_config", '{"temperature": 1.0, "top_p": 0.9}', "--model", "m")


def stage(name: str, run: ReleasedRun) -> list[str]:
    data, logs = ("--data_path", str(run.data)), ("--logs_dir", str(run.logs))
    output = ("--output_dir", str(run.root / "made"))
    if name == "rollouts":
        return ["run_spreadsheetbench.py", *data, *output, "--agent", "cli_only"]
    if name == "error analysis":
        work = ("--work_dir", str(run.work), "--max_turns", "1")
        return ["analysis/run_error_analysis.py", *data, *logs, *work, *output]
    if name == "success analysis":
        return ["analysis/run_success_analysis_llm.py", *logs, *output]
    records = run.root / "error_analysis" / "parsed_error_records.json"
    skill = make_skill(run.root / "skill")
    module = ["-m", "skill_evolver.run_parallel_skill_evolution", "--input-json", str(records)]
    return [*module, "--skill-dir", str(skill), *output]


@pytest.mark.parametrize(
    ("name", "released"),
    [
        ("rollouts", 0.7),
        ("error analysis", 0.7),
        ("success analysis", 1.0),  # its one call takes what is configured, there as here
        ("evolution", 0.6),
    ],
)
def test_what_is_sent_and_what_is_noted(tmp_path: Path, name: str, released: float) -> None:
    async def bodies(run: ReleasedRun, *more: str) -> list[dict[str, Any]]:
        async with StubServer(reply("ACTION: TASK_COMPLETE")) as server:
            environment = os.environ | {"OPENAI_API_KEY": "EMPTY", "OPENAI_BASE_URL": server.url}
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *stage(name, run), *CONFIG, *more),
                cwd=ROOT,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
            assert server.bodies, said.decode()
            return list(server.bodies)

    for flags, temperature in (((), 1.0), (("--as_released",), released)):
        run = ReleasedRun(tmp_path / str(len(flags)), {"13-1": "solved", "13-2": "wrong"})
        run.triage()
        run.analyse()
        sent = asyncio.run(bodies(run, *flags))
        assert {body["temperature"] for body in sent} == {temperature}
        assert {body["top_p"] for body in sent} == {0.9}
        if name == "rollouts":
            noted = json.loads((run.root / "made" / "run.json").read_text())["settings"]["model"]
            assert noted["generation"]["temperature"] == temperature
            assert noted.get("sampling") == ("as released" if flags else None)

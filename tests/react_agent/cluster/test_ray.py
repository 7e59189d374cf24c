"""Rollouts and analysts on a real Ray cluster of several processes on this machine."""

import asyncio
import contextlib
import importlib.util
import json
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import TASKS, Commands, bash, copying_agent, task_of, with_server
from lesson_commands import command, errors, honest, run
from lessons import SmallRun
from stub_server import reply

# Not imported here: in one process Ray keeps the token that it saw first.
if not importlib.util.find_spec("ray"):
    pytest.skip("the extra `ray` is not installed", allow_module_level=True)

KEY = "sk-a-key-that-no-file-may-hold"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """One head with room for four workers; its files lie in the folder that is given."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as name:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))
            patch.setenv("RAY_AUTH_MODE", "token")
            patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
            head = ["start", "--head", "--num-cpus=4", "--include-dashboard=false", "--port=0"]
            head += ["--node-ip-address=127.0.0.1", f"--temp-dir={name}", "--disable-usage-stats"]
            ray = Path(sys.executable).with_name("ray")
            started = subprocess.run([str(ray), *head, "--object-store-memory=80000000"])
            assert started.returncode == 0
            try:
                yield Path(name)
            finally:
                for process in processes(name):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()


def processes(words: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(words in part for part in process.cmdline()):
                found.append(process)
    return found


def on(cluster: Path, *more: str) -> list[str]:
    address = (cluster / "ray_current_cluster").read_text().strip()
    return ["--executor", "ray", "--ray_address", address, "--ray_actors", "2", *more]


def slow(seconds: float) -> Callable[[dict[str, Any]], Any]:
    async def handler(body: dict[str, Any]) -> Any:
        await asyncio.sleep(seconds)
        return copying_agent(body)

    return handler


def shown(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What two runs of the same cases have in common, in one order."""
    left_out = {"seconds", "finished_at", "log_file", "output_digest"}
    kept = [{k: v for k, v in line.items() if k not in left_out} for line in lines]
    return sorted(kept, key=lambda line: str(line["id"]))


def test_the_same_results_as_here_and_a_run_goes_on_anywhere(cluster: Path, tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        other = Commands(user.server, tmp_path / "local")
        await other.rollouts()
        user.server.bodies.clear()
        code, said = await user.rollouts("--end_idx", "2")
        assert code == 0, said
        code, said = await user.rollouts(*on(cluster), "--api_key", KEY)
        assert code == 0, said
        assert "2 kept" in said
        assert shown(user.lines()) == shown(other.lines())
        assert len(user.server.bodies) == 2 * TASKS
        asked = {h["Authorization"] for h in user.server.headers[-2:]}
        assert asked == {f"Bearer {KEY}"}
        names = sorted(path.name for path in user.logs.iterdir())
        assert names == sorted(path.name for path in other.logs.iterdir())
        assert not list(tmp_path.rglob(".shared-*"))
        code, said = await user.rollouts()
        assert (code, len(user.server.bodies)) == (0, 2 * TASKS), said

    with_server(copying_agent, tmp_path, steps)
    held = [p for p in cluster.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    assert held == []


def test_a_cap_on_calls_holds_over_all_processes(cluster: Path, tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        code, said = await user.rollouts(*on(cluster, "--max_calls", "7"))
        assert code == 1, said
        assert len(user.server.bodies) == 7
        assert "cap of 7 calls" in said
        noted = (user.outputs / "budget.jsonl").read_text().splitlines()
        assert len(noted) == 14
        code, said = await user.rollouts(*on(cluster, "--max_calls", "100"))
        assert (code, {line["status"] for line in user.lines()}) == (0, {"completed"}), said

    with_server(slow(0.2), tmp_path, steps)


class Gate:
    """Answers the first cases at once, and those after only when it is opened."""

    def __init__(self, cases: int, answer: Callable[[dict[str, Any]], Any]) -> None:
        self.cases, self.answer = cases, answer
        self.first: set[str] = set()
        self.opened = asyncio.Event()

    async def __call__(self, body: dict[str, Any]) -> Any:
        if len(self.first) < self.cases:
            self.first.add(body["messages"][1]["content"])
        if body["messages"][1]["content"] not in self.first:
            await self.opened.wait()
        return self.answer(body)


def test_a_lost_process_costs_its_cases_in_flight_only(cluster: Path, tmp_path: Path) -> None:
    """Killed in the middle: what was finished is not asked for again, the rest once more."""
    gate = Gate(2, copying_agent)

    async def steps(user: Commands) -> None:
        await until(lambda: not actors(cluster))  # of the test before
        process = await user.start("run_spreadsheetbench.py", *user.rollout_flags(*on(cluster)))
        await until(lambda: (user.outputs / "results.jsonl").exists())
        await until(lambda: user.server.in_flight == 4 and len(user.lines()) == TASKS - 4)
        finished = {line["id"] for line in user.lines()}
        paid = len(user.server.bodies)
        actors(cluster)[0].kill()
        gate.opened.set()
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, said
        assert "its 2 cases in flight go to others" in said
        assert Counter(line["id"] for line in user.lines()).most_common(1)[0][1] == 1
        assert {line["status"] for line in user.lines()} == {"completed"}
        assert len(user.lines()) == TASKS
        openings = Counter(task_of(b) for b in user.server.bodies if len(b["messages"]) == 2)
        assert sorted(openings.values()) == [1] * (TASKS - 2) + [2] * 2
        again = {task_of(body) for body in user.server.bodies[paid:]}
        assert not again & finished

    with_server(gate, tmp_path, steps)


def test_a_lost_desk_goes_on_counting_from_its_file(cluster: Path, tmp_path: Path) -> None:
    gate = Gate(2, copying_agent)

    async def steps(user: Commands) -> None:
        await until(lambda: not actors(cluster))
        capped = on(cluster, "--max_calls", "40")
        process = await user.start("run_spreadsheetbench.py", *user.rollout_flags(*capped))
        await until(lambda: user.server.in_flight == 4)
        (ledger,) = actors(cluster, "ray::CallLedger")
        ledger.kill()
        gate.opened.set()
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, said
        noted = (user.outputs / "budget.jsonl").read_text().splitlines()
        assert 2 * TASKS <= len({json.loads(line)["call"] for line in noted}) <= 40

    with_server(gate, tmp_path, steps)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110 - it looks at files and processes
            await asyncio.sleep(0.05)


def actors(cluster: Path, *titles: str) -> list[psutil.Process]:
    """The processes that work on cases, or those of other titles."""
    found = set()
    for process in processes(str(cluster)):
        with contextlib.suppress(psutil.Error):
            children = process.children(recursive=True)
            wanted = titles or ("ray::_Process",)
            found |= {p for p in children if "".join(p.cmdline()).startswith(wanted)}
    return list(found)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_within_seconds(tmp_path: Path, number: signal.Signals) -> None:
    """On a cluster of its own: commands that run, the processes and Ray itself are gone."""
    marker = f"sleep 7{secrets.randbelow(10**6):06}"

    async def steps(user: Commands) -> None:
        flags = user.rollout_flags("--executor", "ray", "--ray_actors", "2")
        process = await user.start("run_spreadsheetbench.py", *flags)
        await until(lambda: len(processes(marker)) > 3 or process.returncode is not None)
        engine = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        said, _ = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 130, said
        assert b"SIGTERM received" not in said  # Ray's own handler, which aborts after a while
        assert "still owed 6 cases" in said.decode()
        gone, alive = psutil.wait_procs(engine, 5)
        assert len(gone) > 4
        assert not alive
        assert not processes(marker)
        assert (user.outputs / "results.json").exists()

    with_server(lambda body: reply(bash(marker)), tmp_path, steps)


def test_an_endpoint_that_is_down_is_said_once_a_process_and_stops_the_run(
    cluster: Path, tmp_path: Path
) -> None:
    async def steps(user: Commands) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            user.server.url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        code, said = await user.rollouts(*on(cluster, "--max_downtime", "2"))
        assert code == 1, said
        assert 1 <= said.count("WARNING react_agent.models.patience.breaker") <= 2
        assert f"still owed {TASKS} cases: endpoint" in said

    with_server(copying_agent, tmp_path, steps)


def test_a_cassette_answers_in_every_process(cluster: Path, tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        cassette = str(tmp_path / "cassette.jsonl")
        code, said = await user.rollouts("--record", cassette)
        assert code == 0, said
        other = Commands(user.server, tmp_path / "replayed")
        code, said = await other.rollouts(*on(cluster, "--replay", cassette))
        assert code == 0, said
        assert len(user.server.bodies) == 2 * TASKS
        assert shown(other.lines()) == shown(user.lines())

    with_server(copying_agent, tmp_path, steps)


OTHER = """
import asyncio, sys
from dataclasses import replace
from react_agent.cluster.ray_cluster import ray_bench
from react_agent.flags import run_stage
from react_agent.runs.casework import RolloutSite
from react_agent.runs.settings import Rollouts

async def start(settings):
    site = RolloutSite(settings)
    async with site.open() as here:
        other = replace(here, settings={**here.settings, "sandbox": "another"})
        async with ray_bench(settings.executor, settings.model, site, other, 2):
            print("it began")

sys.exit(run_stage(start, Rollouts, None, "test"))
"""


def test_other_settings_on_a_machine_are_refused(cluster: Path, tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        code, said = await user.run("-c", OTHER, *user.rollout_flags(*on(cluster)))
        assert code == 2, said
        assert said.count("\n") == 1
        assert "would run with other settings: sandbox: 'another' -> " in said

    with_server(copying_agent, tmp_path, steps)


def test_analysts_teach_the_same_and_lose_nothing_with_a_process(
    cluster: Path, tmp_path: Path
) -> None:
    """The agentic one with a process killed in its middle, then the one-call analyst."""
    small = SmallRun(tmp_path, dict.fromkeys(["1-1", "1-2", "1-3", "1-4"], "FAILED"))
    gate = Gate(0, honest)

    async def steps(user: Commands) -> None:
        user.server.handler = honest
        code, out, err = await run(errors(small, tmp_path / "here"), user.server.url)
        assert code == 0, out + err
        user.server.handler = gate
        await until(lambda: not actors(cluster))
        argv = errors(small, tmp_path / "there", *on(cluster))
        running = asyncio.ensure_future(run(argv, user.server.url))
        await until(lambda: user.server.in_flight == 4)
        actors(cluster)[0].kill()
        gate.opened.set()
        code, out, err = await running
        assert (code, "4  lesson" in out) == (0, True), out + err
        assert "cases in flight go to others" in err
        assert taught(tmp_path / "there") == taught(tmp_path / "here")

        flags = ["--logs_dir", small.logs, "--output_dir", tmp_path / "llm", "--model", "m"]
        one_call = command("run_error_analysis_llm", *flags, "--max_workers", 4, *on(cluster))
        code, out, err = await run(one_call, user.server.url)
        assert (code, "4  lesson" in out) == (0, True), out + err

    with_server(gate, tmp_path, steps)


def taught(folder: Path) -> Any:
    records = (folder / "parsed_error_records.json").read_text()
    return json.loads(records.replace(str(folder), "<folder>"))


@pytest.mark.parametrize("flag", ["--record", "--reply_cache"])
def test_what_has_one_writer_is_refused(tmp_path: Path, flag: str) -> None:
    async def steps(user: Commands) -> None:
        code, said = await user.rollouts("--executor", "ray", flag, str(tmp_path / "x"))
        assert (code, said.count("\n")) == (2, 1)
        assert f"--executor ray goes without {flag}" in said

    with_server(copying_agent, tmp_path, steps)

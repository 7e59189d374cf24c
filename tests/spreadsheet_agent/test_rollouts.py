"""The published rollout, scoring and triage commands, as a user runs them, on the bundled tasks."""

import asyncio
import json
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import DONE, MINI, TASKS, Commands, bash, copying_agent, task_of, with_server
from stub_server import refusal, reply


def refusing(tasks: set[str]) -> Callable[[dict[str, Any]], Any]:
    """Refuses those that are in the set at that time; the others it solves by a copy."""

    def answer(body: dict[str, Any]) -> Any:
        if task_of(body) in tasks:
            return refusal(422, "this content is not answered")
        return copying_agent(body)

    return answer


def data_of(user: Commands) -> list[str]:
    return [
        *("--data_path", str(MINI), "--output_dir", str(user.outputs), "--end_idx", str(TASKS)),
    ]


def test_rollouts_verdicts_and_triage_find_each_others_files(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        code, said = await user.rollouts()
        assert code == 0, said
        results = json.loads((user.outputs / "results.json").read_text())
        assert (results["total_instances"], results["successful_instances"]) == (TASKS, TASKS)
        assert results["agent_name"] == "cli_skill_preloaded_agent"
        assert results["seed"] == 41
        assert all(body["seed"] == 41 for body in user.server.bodies)
        assert all("Skill: xlsx" in body["messages"][0]["content"] for body in user.server.bodies)

        code, said = await user.run("evaluate_with_official.py", *data_of(user))
        assert code == 0, said
        verdicts = user.outputs / "eval_official_results.json"
        assert json.loads(verdicts.read_text())["summary"]["fully_correct_instances"] == 0

        flags = ["--eval_results", str(verdicts), "--log_dir", str(user.logs)]
        for _ in range(2):
            code, said = await user.run("analyze_results.py", *flags)
            assert code == 0, said
            assert f"{TASKS} runs: {TASKS} failed" in said
            assert [p.stem.split("_")[-1] for p in user.logs.glob("*.md")] == ["FAILED"] * TASKS

    with_server(copying_agent, tmp_path, steps)


def test_a_second_start_does_nothing_and_other_settings_are_refused(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        await user.rollouts()
        asked = len(user.server.bodies)
        code, said = await user.rollouts()
        assert (code, len(user.server.bodies)) == (0, asked)
        assert f"{TASKS} kept" in said
        code, said = await user.rollouts("--temperature", "0.5")
        assert (code, len(user.server.bodies)) == (2, asked)
        assert "temperature: 0.0 -> 0.5" in said

    with_server(copying_agent, tmp_path, steps)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_broken_off_goes_on_and_pays_nothing_twice(
    tmp_path: Path, number: signal.Signals
) -> None:
    finished_twice: Counter[str] = Counter()

    async def steps(user: Commands) -> None:
        process = await user.start("run_spreadsheetbench.py", *user.rollout_flags("--workers", "1"))
        while not (user.outputs / "results.jsonl").exists() or len(user.lines()) < 2:
            assert process.returncode is None
            await asyncio.sleep(0.02)
        process.send_signal(number)
        await asyncio.wait_for(process.communicate(), 5)
        assert process.returncode == (130 if number == signal.SIGINT else -number)
        before = {line["id"] for line in user.lines()}
        paid = len(user.server.bodies)
        code, _ = await user.rollouts()
        assert code == 0
        again = {task_of(body) for body in user.server.bodies[paid:]}
        assert not again & before
        finished_twice.update(line["id"] for line in user.lines())
        assert max(finished_twice.values()) == 1
        assert len(finished_twice) == TASKS

    with_server(copying_agent, tmp_path, steps)


def test_what_lies_in_an_outputs_place_costs_that_case_alone(tmp_path: Path) -> None:
    refused = {"901-3", "9012"}

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts()
        assert (code, "still owed 2 cases" in said) == (1, True), said
        (user.outputs / "901-3" / "1_901-3_output.xlsx").mkdir(parents=True)
        refused.clear()
        code, said = await user.rollouts()
        assert (code, "still owed 1 case" in said) == (1, True), said
        ended = {line["id"]: line["status"] for line in user.lines()}
        assert (ended["901-3"], ended["9012"]) == ("crash", "completed")

    with_server(refusing(refused), tmp_path, steps)


def test_infrastructure_is_no_failure_and_is_run_again(tmp_path: Path) -> None:
    refused = {"901-3"}

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts()
        assert code == 1, said
        assert "still owed 1 case" in said
        await user.run("evaluate_with_official.py", *data_of(user))
        verdicts = user.outputs / "eval_official_results.json"
        flags = ["--eval_results", str(verdicts), "--log_dir", str(user.logs)]
        code, said = await user.run("analyze_results.py", *flags)
        assert "1 infrastructure" in said
        assert (user.logs / "cli_skill_preloaded_agent_901-3.md").exists()
        refused.clear()
        assert (await user.rollouts())[0] == 0
        assert {line["id"] for line in user.lines() if line["status"] == "completed"} == {
            line["id"] for line in user.lines()
        }

    with_server(refusing(refused), tmp_path, steps)


def test_a_wrong_key_stops_the_run_at_once_in_one_line(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        code, said = await user.rollouts()
        assert code == 2
        errors = [line for line in said.splitlines() if line.startswith("error:")]
        assert len(errors) == 1
        assert "Traceback" not in said
        assert len(user.server.bodies) <= 4

    with_server(lambda body: refusal(401, "no such key"), tmp_path, steps)


def test_a_link_in_place_of_the_result_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xlsx"
    secret.write_bytes(b"gold")

    def linking(body: dict[str, Any]) -> Any:
        asked = sum(m["role"] == "assistant" for m in body["messages"])
        return reply(bash(f"ln -s {secret} output.xlsx") if asked == 0 else DONE)

    async def steps(user: Commands) -> None:
        await user.rollouts("--sample", "1")
        (line,) = user.lines()
        assert (line["success"], line["output_file"]) == (False, None)
        assert not list(user.outputs.rglob("*_output.xlsx"))

    with_server(linking, tmp_path, steps)


def test_unknown_ids_are_warned_about_and_the_others_run(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        known = json.loads((MINI / "dataset.json").read_text())[0]["id"]
        code, said = await user.rollouts("--instance_ids", f"{known},77")
        assert (code, "no task with id 77" in said) == (0, True), said
        assert [line["id"] for line in user.lines()] == [str(known)]

    with_server(copying_agent, tmp_path, steps)


def test_several_seeds_have_folders_of_their_own(tmp_path: Path) -> None:
    async def steps(user: Commands) -> None:
        flags = [f for f in user.rollout_flags("--sample", "2") if f not in ("--seeds", "41")]
        flags += ["--repeat", "3", "--results_file", str(user.folder / "all.json")]  # seeds win
        code, said = await user.run("run_spreadsheetbench.py", *flags, "--seeds", "41,42")
        assert code == 0, said
        for seed in (41, 42):
            results = user.folder / f"all_seed_{seed}.json"
            assert json.loads(results.read_text())["seed"] == seed
            assert f"Results saved to: {results}" in said
            assert len(list((user.logs / f"seed_{seed}").iterdir())) == 2
        assert Counter(body["seed"] for body in user.server.bodies) == {41: 4, 42: 4}
        shutil.rmtree(user.outputs / "seed_42")
        code, said = await user.run("run_spreadsheetbench.py", *flags, "--seeds", "41,42")
        assert code == 0, said
        assert re.findall(r"seed (\d+)\n +cases +(\d+) \((\d+) kept", said) == [
            ("41", "2", "2"),
            ("42", "2", "0"),
        ]

    with_server(copying_agent, tmp_path, steps)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--data_path", "nowhere"], "no such data set"),
        (["--skills_dir", "nowhere"], "nowhere"),
        (["--generation_config", '{"temprature": 1}'], "unknown key 'temprature'"),
        (["--instance_ids", "77"], "no task with id 77"),
        (["--num_random_seeds", "2", "--repeat", "2"], "exclude"),
        (["--replay", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, flags: list[str], complaint: str) -> None:
    async def steps(user: Commands) -> None:
        base = [f for f in user.rollout_flags() if f not in ("--seeds", "41")]
        code, said = await user.run("run_spreadsheetbench.py", *base, *flags)
        assert code == 2, said
        assert complaint in said
        assert said.count("\n") == 1
        assert not user.server.bodies

    with_server(copying_agent, tmp_path, steps)


def test_nothing_that_an_agent_sees_names_its_task(tmp_path: Path) -> None:
    """Its folder is renamed as published once it has ended, and results.jsonl knows both names."""
    names: dict[str, str] = {}

    def looking(body: dict[str, Any]) -> Any:
        asked = sum(m["role"] == "assistant" for m in body["messages"])
        if asked == 1:
            names[task_of(body)] = body["messages"][-1]["content"]
        said = [bash("pwd; find . /tmp; env; cp input.xlsx output.xlsx"), DONE]
        return reply(said[asked])

    async def steps(user: Commands) -> None:
        for _ in range(2):  # again over what the first left
            code, said = await user.rollouts("--overwrite")
            assert code == 0, said
        assert len(names) == TASKS
        for task, seen in names.items():
            assert not re.search(rf"(?<![\w.]){re.escape(task)}(?![\w.])|{task}_", seen), seen
        seen_at = {line["id"]: line["folder_seen"] for line in user.lines()}
        assert all(seen_at[task] in seen for task, seen in names.items())
        left = {p.name for p in (user.folder / "work").iterdir() if p.is_dir()}
        assert left == {f"{task}_1_{task}_init" for task in names}
        assert all(((user.folder / "work") / name / "output.xlsx").is_file() for name in left)

    with_server(looking, tmp_path, steps)

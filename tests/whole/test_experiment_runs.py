"""Each of the paper's other experiments through rollouts, verdicts and triage, and goes on."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import bash
from experiments import SAMPLES, Agent, answers, failed_run, opened, run
from lessons import DONE as REPORT
from stub_server import StubServer, reply

from analysis.analysts.analysing import analyse, analyse_run
from analysis.analysts.settings import ErrorAnalysis, Repairing, RunAnalysis
from react_agent.model import Message
from react_agent.models.settings import ModelSettings
from react_agent.runs import triage
from react_agent.runs.settings import Triage
from react_agent.runs.verdict_text import repeat_lines, summary_lines
from spreadsheetbench.scoring import stage
from spreadsheetbench.scoring.settings import Scoring


@pytest.mark.parametrize("name", SAMPLES)
def test_a_whole_run_is_scored_and_goes_on(name: str, tmp_path: Path) -> None:
    agent = Agent(name, SAMPLES[name])
    done = run(name, SAMPLES[name], tmp_path, agent)
    count = len(opened(name).tasks)
    assert done.owed == 0
    assert agent.shown == (count if name == "docvqa" else 0)
    again = run(name, SAMPLES[name], tmp_path, agent)
    assert again.runs[0].kept == count
    scoring = Scoring(data_path=SAMPLES[name], domain=name, output_dir=tmp_path / "outputs")
    scored = asyncio.run(stage.run(scoring))
    evaluation = scored.evaluations[tmp_path / "outputs"]
    assert evaluation.summary.fully_correct_instances == count - 1
    assert evaluation.summary.rules == "strict"
    assert [r.id for r in evaluation.results if not r.success] == [agent.wrong]
    rows = triage.run(Triage(eval_results=scored.results_file, log_dir=tmp_path / "logs"))
    assert {row.id: row.outcome for row in rows}[agent.wrong] == "failed"
    assert len(list((tmp_path / "logs").glob("*_SUCCEED.md"))) == count - 1


def test_the_skills_of_the_spreadsheet_benchmark_apply_unchanged(tmp_path: Path) -> None:
    agent = Agent("hitab", SAMPLES["hitab"])
    done = run("hitab", SAMPLES["hitab"], tmp_path, agent, "cli_skill_preloaded")
    assert done.owed == 0
    recorded = json.loads((tmp_path / "outputs/run.json").read_text())["settings"]
    assert recorded["skill"]["name"] == "xlsx"


def test_a_broken_table_costs_its_own_tasks_only(tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(SAMPLES["hitab"], root)
    agent = Agent("hitab", root)
    (root / "tables/raw/own_2.json").write_text("[")
    done = run("hitab", root, tmp_path / "run", agent)
    assert set(done.problems) == {"h6", "h7", "h8"}
    assert len(done.runs[0].folder.results) == 5
    scoring = Scoring(data_path=root, domain="hitab", output_dir=tmp_path / "run/outputs")
    summary = asyncio.run(stage.run(scoring)).evaluations[tmp_path / "run/outputs"].summary
    assert (summary.errors, summary.fully_correct_instances) == (3, 4)


def test_partial_success_and_the_second_column_are_shown(tmp_path: Path) -> None:
    domain = opened("docvqa")
    for task in domain.tasks:
        (tmp_path / task.id).mkdir()
        (tmp_path / task.id / "answer.txt").write_text(f"Answer: {answers(domain, task.id)[0]}")
    (tmp_path / "2/answer.txt").write_text("Answer: 239.5x")  # a sixth is wrong
    (tmp_path / "1/answer.txt").write_text("Answer: It is the number 4417 that is asked for")
    scoring = Scoring(data_path=SAMPLES["docvqa"], domain="docvqa", output_dir=tmp_path)
    evaluation = asyncio.run(stage.run(scoring)).evaluations[tmp_path]
    assert evaluation.summary.instance_accuracy == pytest.approx(5 / 6)
    assert evaluation.summary.avg_soft_score == pytest.approx((4 + 5 / 6) / 6)
    said = "\n".join(summary_lines(evaluation, "run"))
    assert "Other rules      relaxed 100.00%" in said
    assert "Rules differ on  1: 1 (relaxed pass)" in said


@pytest.fixture
def folder() -> Iterator[Path]:
    """Readable for the user of a sandbox."""
    with tempfile.TemporaryDirectory(prefix="experiment-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


LOOKED_UP = """import sys, openpyxl
book = openpyxl.load_workbook(sys.argv[1])
book["Answer"]["A1"] = book["Table"]["B3"].value
book.save(sys.argv[2])
"""
CARRIED = LOOKED_UP.replace('book["Table"]["B3"].value', "1204")


def analysed(name: str, folder: Path, *replies: str, gate: Any = "output") -> dict[str, Any]:
    """The gate's word on the one failed task, after a scripted analyst."""
    waiting = list(replies)
    failed = opened(name).tasks[0].id
    openings: list[Message] = []

    def answer(body: dict[str, Any]) -> Any:
        openings.append(Message.model_validate(body["messages"][1]))
        return reply(waiting.pop(0))

    async def go() -> None:
        async with StubServer(answer) as server:
            settings = ErrorAnalysis(
                domain=name,
                data_path=SAMPLES[name],
                work_dir=folder / "work",
                logs_dir=folder / "logs",
                output_dir=folder / "analysis",
                repairing=Repairing(gate=gate),
                model=ModelSettings(model="m", base_url=server.url, api_key="EMPTY"),
            )
            summary = await analyse(settings)
            assert summary.counts["not failed"] == len(opened(name).tasks) - 1

    asyncio.run(go())
    images = [not isinstance(opening.content, str) for opening in openings]
    assert images == [name == "docvqa"] * len(openings), "the page is shown, and only a page"
    assert "strict: FAIL, relaxed: FAIL" in openings[0].text.replace("math-verify", "relaxed")
    found: dict[str, Any] = json.loads((folder / "analysis" / failed / "gate.json").read_text())
    return found


@pytest.mark.parametrize("name", ["math", "docvqa"])
def test_an_analyst_of_one_call_is_shown_the_page_and_only_a_page(name: str, folder: Path) -> None:
    failed_run(name, folder)
    shown: list[str] = []

    def answer(body: dict[str, Any]) -> Any:
        content = Message.model_validate(body["messages"][1]).content
        shown.append("text" if isinstance(content, str) else "a page, too")
        return reply(REPORT)

    async def go() -> None:
        async with StubServer(answer) as server:
            settings = RunAnalysis(
                domain=name,
                run_folder=folder,
                data_path=SAMPLES[name],
                only="error",
                single_call=True,
                model=ModelSettings(model="m", base_url=server.url, api_key="EMPTY"),
            )
            (summary,) = await analyse_run(settings)
            assert summary.counts["lesson"] == 1

    asyncio.run(go())
    assert {*shown} == {"a page, too" if name == "docvqa" else "text"}


@pytest.mark.parametrize("name", ["math", "docvqa"])
def test_a_failed_answer_is_analysed_and_its_repair_checked(name: str, folder: Path) -> None:
    failed_run(name, folder)
    domain = opened(name)
    right = answers(domain, domain.tasks[0].id)[0]
    repair = bash(f"echo 'Answer: {right}' > agent_work/answer_fixed.txt")
    assert analysed(name, folder, repair, REPORT)["verdict"] == "held"


def test_a_copy_of_the_truth_is_no_repair_of_a_table(folder: Path) -> None:
    failed_run("hitab", folder)
    code = (
        "import openpyxl; b = openpyxl.load_workbook('agent_work/gold.xlsx'); "
        "b.save('agent_work/output_fixed.xlsx')"
    )
    found = analysed("hitab", folder, bash(f'python -c "{code}"'), REPORT, REPORT, REPORT)
    assert found["verdict"] == "refused"
    assert "made from gold.xlsx" in found["reason"]


@pytest.mark.parametrize(("script", "verdict"), [(LOOKED_UP, "held"), (CARRIED, "refused")])
def test_a_repair_of_a_table_question_is_replayed_on_other_tables(
    script: str, verdict: str, folder: Path
) -> None:
    failed_run("hitab", folder)
    write = bash(f"cat > agent_work/fix.py <<'EOF'\n{script}EOF")
    found = analysed("hitab", folder, write, REPORT, REPORT, REPORT, gate="replay")
    assert found["verdict"] == verdict, found


def test_the_interval_of_a_mean_over_seeds_is_drawn_over_tasks(folder: Path) -> None:
    """Eight samples of one problem are not eight problems."""
    domain = opened("math")
    for seed in range(8):
        for number, task in enumerate(domain.tasks):
            answer = folder / f"seed_{seed}" / task.id / "answer.txt"
            answer.parent.mkdir(parents=True)
            answer.write_text(answers(domain, task.id)[0] if number < 5 else "no")
    scoring = Scoring(data_path=SAMPLES["math"], domain="math", output_dir=folder, repeat=8)
    combined = asyncio.run(stage.run(scoring)).combined
    assert combined
    assert combined.summary.mean_instance_accuracy == 0.5
    low, high = combined.summary.interval or (0, 0)
    assert low == pytest.approx(0.2, abs=0.11)  # of 80 independent samples it were 0.39
    assert high == pytest.approx(0.8, abs=0.11)
    assert f"95 % over tasks: {low:.2%} to {high:.2%}" in "\n".join(repeat_lines(combined, 8))

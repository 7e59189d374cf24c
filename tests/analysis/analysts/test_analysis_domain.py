"""The analysts on a benchmark that knows no workbook: text answers, named by `--domain`."""

import asyncio
import json
from dataclasses import replace

import pytest
from lessons import DONE, bash
from stub_server import StubServer, reply

from analysis.analysts.analysing import analyse
from analysis.analysts.settings import CallErrorAnalysis, ErrorAnalysis, Repairing
from analysis.lessons.records import load_records
from react_agent.model import Message
from react_agent.models.settings import ModelSettings
from react_agent.runs.logs import Log, LogName, write_log

TRUTH = "agent_work/truth.txt"
REPAIR = bash("echo Lisbon > agent_work/answer_fixed.txt")
SCRIPT = bash(
    "cat > agent_work/fix.py <<'END'\nimport sys\nopen(sys.argv[2], 'w').write('nobsiL'[::-1])\nEND"
)


def run_of(root, said="Madrid"):
    """One question, and a run that got it wrong."""
    question = {"id": "q1", "question": "What is the capital of Portugal?", "answer": "Lisbon"}
    (root / "data").mkdir(parents=True)
    (root / "data" / "questions.jsonl").write_text(json.dumps(question) + "\n")
    folder = root / "work" / "q1_question"
    folder.mkdir(parents=True)
    (folder / "answer.txt").write_text(said)
    messages = (Message(role="user", content="Q"), Message(role="assistant", content="Madrid"))
    result = {"input_file": "question.txt", "success": True, "status": "completed", "turns": 1}
    log = Log(messages, {**result, "error": ""}, "run of q1")
    write_log(root / "logs", LogName("cli_only_agent", "q1", tag="FAILED"), log, "markdown")
    return ErrorAnalysis(
        domain="tinyqa:open_domain",
        data_path=root / "data",
        work_dir=root / "work",
        logs_dir=root / "logs",
        output_dir=root / "analysis",
    )


def analysed(settings, *replies):
    """The summary, and what the analyst was asked first."""
    waiting, asked = list(replies), []

    def answer(body):
        asked.append(body["messages"])
        return reply(waiting.pop(0) if waiting else DONE)

    async def go():
        async with StubServer(answer) as server:
            model = ModelSettings(model="m", base_url=server.url, api_key="EMPTY")
            return await analyse(replace(settings, model=model))

    return asyncio.run(go()), asked[0] if asked else []


def gate_of(root):
    return json.loads((root / "analysis" / "q1" / "gate.json").read_text())


def test_a_repaired_answer_gives_a_lesson(tmp_path):
    settings = run_of(tmp_path)
    summary, asked = analysed(settings, REPAIR, DONE)
    assert (summary.counts, summary.error_classes) == ({"lesson": 1}, {"wrong_answer": 1})
    (record,) = load_records(settings.records)
    assert (record.task, record.gate_verdict, len(record.items)) == ("q1", "held", 2)
    assert record.failing_cells_total == 1
    assert "the answer is another one" in asked[1]["content"]
    assert "agent_work/question.txt" in asked[1]["content"]
    said = asked[0]["content"] + asked[1]["content"].replace("Lisbon", "")
    assert "xlsx" not in said
    assert "spreadsheet" not in said
    assert gate_of(tmp_path)["proven"]
    files = sorted(p.name for p in (tmp_path / "analysis" / "q1" / "agent_work").iterdir())
    assert files == ["answer.txt", "answer_fixed.txt", "question.txt", "truth.txt"]


@pytest.mark.parametrize("command", ["echo Porto > agent_work/answer_fixed.txt", "true"])
def test_a_wrong_repair_gives_none(tmp_path, command):
    summary, _ = analysed(run_of(tmp_path), bash(command), DONE)
    assert summary.counts == {"gate not held": 1}
    assert gate_of(tmp_path)["reason"] in (
        "another answer",
        "there is no agent_work/answer_fixed.txt",
    )


def test_a_right_answer_needs_no_analyst(tmp_path):
    summary, asked = analysed(run_of(tmp_path, said="lisbon"))
    assert (summary.counts, asked) == ({"nothing to explain": 1}, [])


def test_a_domain_that_draws_no_variants_says_so_at_the_strict_gate(tmp_path):
    settings = replace(run_of(tmp_path), repairing=Repairing(gate="replay"))
    summary, _ = analysed(settings, SCRIPT, DONE)
    assert summary.counts == {"gate not held": 1}
    gate = gate_of(tmp_path)
    assert gate["reason"] == "no other input could be drawn to run agent_work/fix.py on"
    assert gate["variants"] == 0


def test_one_call_knows_the_answers_of_the_domain(tmp_path):
    given = run_of(tmp_path)
    settings = CallErrorAnalysis(
        domain=given.domain,
        logs_dir=given.logs_dir,
        data_path=given.data_path,
        output_dir=tmp_path / "calls",
    )
    leak = "\n# Failure Memory Item 2\n## Title\nSay `Lisbon` at once\n## Content\nIt is so.\n"
    report = DONE.replace("ACTION: TASK_COMPLETE", leak)
    summary, _ = analysed(settings, report, report)
    assert (summary.counts, summary.items, summary.items_leaked) == ({"lesson": 1}, 2, 1)

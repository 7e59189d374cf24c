"""A run that the paper's released code began is finished here, from any stage, without a loss."""

import asyncio
import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from evolving import Author, make_skill
from evolving import run as evolve
from lessons import DONE, REPAIR, act
from measuring.function_model import FunctionModel
from project import ROOT
from releasedrun import AGENT, SUCCESS, Ended, ReleasedRun
from stub_server import StubServer, reply

from analysis import evaluate_output, parse_error_analysis_outputs, parse_success_analysis_outputs
from analysis.analysts.error_analyst import ErrorAnalyst
from analysis.analysts.running import AnalysisRun
from analysis.analysts.single_call import SUCCESSES, SingleCallAnalyst
from analysis.lessons.records import load_records, record_entries, save_records
from analysis.lessons.selection import select
from react_agent.engines.workers import Workers
from react_agent.model import ScriptedModel
from react_agent.runs.logs import find_logs, read_log
from react_agent.sandbox.agent_python import offered
from react_agent.sandbox.door import open_sandbox
from reporting.comparing import command as compare
from reporting.ledger import command as ledger
from reporting.page import command as report
from reporting.runs.runview import RunView
from spreadsheet_agent import triage
from spreadsheet_agent.domain import PACKAGES, SpreadsheetDomain
from spreadsheetbench import evaluate
from spreadsheetbench.tasks.dataset import Dataset

TASKS: dict[str, Ended] = {
    "13-1": "solved",
    "13-2": "wrong",
    "CF_3": "no output",
    "13-4": "exception",
    "13-5": "wrong",
}


def repairing(messages):
    turns = sum(m.role == "assistant" for m in messages)
    check = act("evaluate_output", output_file="agent_work/output_fixed.xlsx")
    return [REPAIR, check, DONE][min(turns, 2)]


def agentic(run, model, workers):
    return ErrorAnalyst(
        model=model,
        model_name="scripted",
        output_dir=run.root / "error_analysis",
        work_dir=run.work,
        domain=SpreadsheetDomain(Dataset.load(run.data), workers=workers),
        sandbox=open_sandbox("auto", python=offered(PACKAGES)),
        max_turns=6,
    )


def analyse(analyst, selection, records):
    return asyncio.run(AnalysisRun(analyst, selection, records).run())


def sort_logs(run, *more):
    flags = ("--eval_results", str(run.verdicts), "--log_dir", str(run.logs), *more)
    return triage.main([str(flag) for flag in flags])


def names(run):
    return sorted(p.name.removeprefix(f"{AGENT}_").split(".")[0] for p in run.logs.iterdir())


@pytest.mark.parametrize("log_format", ["md", "jsonl"])
def test_its_logs_say_what_happened(tmp_path, log_format):
    run = ReleasedRun(tmp_path, TASKS, log_format)
    logs = {name.task_id: read_log(path) for name, path in find_logs(run.logs)}
    assert {task: log.status for task, log in logs.items()} == {
        "13-1": "completed",
        "13-2": "completed",
        "CF_3": "out_of_turns",
        "13-4": "infrastructure",
        "13-5": "completed",
    }
    assert {log.result["turns"] for log in logs.values()} == {3}
    messages = logs["13-1"].messages
    assert [m.role for m in messages] == ["system", "user", "assistant", "user", "assistant"]
    # A result that the agent printed is not the run's.
    assert messages[3].content.startswith("Observation:\nPrices\n")
    assert messages[3].content.endswith("- Total Turns: 9")
    assert messages[4].content == "Thought: done\nACTION: TASK_COMPLETE"
    path = run.log("13-1")
    path.write_text(path.read_text().split("## RESULT\n\n- Success: True")[0][:-40])
    assert read_log(path).not_the_agent


@pytest.mark.parametrize("log_format", ["md", "jsonl"])
def test_verdicts_and_triage(tmp_path, log_format):
    run = ReleasedRun(tmp_path, TASKS, log_format)
    flags = ["--data_path", str(run.data), "--output_dir", str(run.outputs), "--workers", "1"]
    assert evaluate.main(flags) == 0
    wanted = ["13-1_SUCCEED", "13-2_FAILED", "13-4", "13-5_FAILED", "CF_3_FAILED"]
    for _ in range(2):
        assert sort_logs(run) == 0
        assert names(run) == wanted
    run.evaluate()
    assert sort_logs(run) == 0
    assert names(run) == wanted


def test_triage_takes_no_verdict_away_and_puts_no_log_in_anothers_place(tmp_path, capsys):
    run = ReleasedRun(tmp_path, TASKS)
    run.evaluate()
    run.triage()
    run.log("13-2", "FAILED").rename(run.log("13-2", "FAILED_FAILED"))  # triaged twice there
    run.log("CF_3", "FAILED").write_text("# Something else\n")
    second = run.log("13-5", "FAILED").read_text().replace("Thought: done", "Thought: again")
    run.log("13-5").write_text(second)
    before = run.everything()
    assert sort_logs(run) == 0
    assert names(run) == ["13-1_SUCCEED", "13-2_FAILED", "13-4_FAILED", "13-5", *names(run)[4:]]
    assert names(run)[4:] == ["13-5_FAILED", "CF_3_FAILED"]
    assert sorted(before.values()) == sorted(run.everything().values())
    assert "1 log not understood" in capsys.readouterr().out


def test_a_verdict_without_a_log_and_the_released_columns(tmp_path):
    run = ReleasedRun(tmp_path, TASKS)
    run.evaluate()
    run.log("13-2").unlink()
    assert sort_logs(run, "--csv", tmp_path / "rows.csv", "--no_details") == 0
    rows = list(csv.DictReader((tmp_path / "rows.csv").open()))
    released = "instance_id,passed,soft_score,hard_score,error_message,log_file,instruction"
    assert list(rows[0])[:7] == released.split(",")
    by_id = {row["instance_id"]: row for row in rows}
    assert (by_id["13-1"]["passed"], by_id["13-1"]["hard_score"]) == ("True", "1")
    assert (by_id["13-2"]["passed"], by_id["13-2"]["log_file"]) == ("False", "")
    assert by_id["13-5"]["error_message"] == "Value difference at cell C2"


def test_seeds_are_triaged_by_their_folder(tmp_path, capsys):
    for seed in (7, 8):
        run = ReleasedRun(tmp_path / f"{seed}", {"13-1": "solved"})
        run.evaluate()
        for part in ("outputs", "logs"):
            target = tmp_path / part / f"seed_{seed}"
            target.parent.mkdir(exist_ok=True)
            (run.root / part).rename(target)
    base = ("--repeat", "3", "--base_log_dir", str(tmp_path / "logs"))
    assert triage.main(["--eval_results", str(tmp_path / "outputs"), *base]) == 0
    assert "--repeat says 3" in capsys.readouterr().err
    assert len(list(tmp_path.glob("logs/seed_*/*_SUCCEED.md"))) == 2


def test_finished_reports_are_kept_and_the_missing_made(tmp_path):
    run = ReleasedRun(tmp_path, {"13-1": "solved", "13-2": "solved", "13-3": "solved"})
    run.triage()
    run.analyse()
    folder = tmp_path / "success_analysis"
    for file in folder.glob("success_analysis_13-3*"):
        file.unlink()
    odd = folder / "success_analysis_13-2.md"
    odd.write_text("Everything went well, as one can see.")
    before = run.everything()
    model = ScriptedModel(SUCCESS)
    analyst = SingleCallAnalyst(SUCCESSES, model, "scripted", folder)
    records = folder / "parsed_success_records.json"
    summary = analyse(analyst, select(run.logs, "SUCCEED"), records)
    assert summary.counts == {"lesson": 2, "no report": 1}
    assert [r.instance_id for r in load_records(records, "success")] == ["13-1", "13-3"]
    after = run.everything()
    changed = {name for name in before if after.get(name) != before[name]}
    assert changed == {"success_analysis/parsed_success_records.json"}


def test_the_agentic_analyst_goes_on_where_the_release_stopped(tmp_path):
    """A report that only tells of a failed call is none; a named run is analysed as it is."""
    run = ReleasedRun(tmp_path, TASKS)
    run.triage()
    run.analyse(failing_call=("13-5",))
    kept = run.everything()
    records = tmp_path / "error_analysis" / "parsed_error_records.json"
    with Workers(1) as workers:
        analyst = agentic(run, FunctionModel(repairing), workers)
        summary = analyse(analyst, select(run.logs, "FAILED"), records)
        assert summary.counts == {"lesson": 3, "infrastructure": 1, "not failed": 1}
        assert summary.usage.calls == 3
        named = select(run.logs, "FAILED", instance_ids=["13-1", "9-9"], named_any=True)
        summary = analyse(analyst, named, records)
    assert (summary.counts["lesson"], summary.usage.calls) == (1, 3)
    found = {record.instance_id for record in load_records(records)}
    assert found == {"13-1", "13-2", "CF_3", "13-4", "13-5"}
    after = run.everything()
    lost = {name for name in kept if after.get(name) != kept[name]}
    assert lost == {
        "error_analysis/parsed_error_records.json",
        "error_analysis/13-5/analysis_report.md",
    }


def test_logs_without_verdicts_are_analysed_when_they_are_named(tmp_path):
    run = ReleasedRun(tmp_path, TASKS)
    (subject,) = select(run.logs, "FAILED", instance_ids=["13-2"], named_any=True).subjects
    assert subject.instance == "13-2"


def test_a_record_file_is_never_emptied(tmp_path, caplog):
    run = ReleasedRun(tmp_path, {"13-1": "solved"})
    run.triage()
    run.analyse()
    records = tmp_path / "success_analysis" / "parsed_success_records.json"
    before = records.read_bytes()
    (tmp_path / "elsewhere").mkdir()
    selection = select(run.logs, "FAILED")
    analyst = SingleCallAnalyst(SUCCESSES, ScriptedModel(), "scripted", tmp_path / "elsewhere")
    analyse(analyst, selection, records)
    assert records.read_bytes() == before
    assert "is kept as it is" in caplog.text
    other = tmp_path / "other.json"
    for text, saved in (("", True), ("[]\n", True), ("not ours", False)):
        other.write_text(text)
        assert save_records(other, []) is saved


def test_doubled_records_count_once(tmp_path):
    run = ReleasedRun(tmp_path, TASKS)
    run.analyse()
    folder = tmp_path / "success_analysis"
    assert len(json.loads((folder / "parsed_success_records.json").read_text())) == 2
    (record,) = load_records(folder, "success")
    assert record.instance_id == "13-1"
    (entry,) = record_entries([record])
    assert entry["items"][0].keys() == {"type", "number", "title", "description", "content"}
    skill = make_skill(tmp_path / "evolved")
    assert evolve(skill, folder / "parsed_success_records.json", Author()) == 0
    (provenance,) = (tmp_path / "evolved").rglob("provenance.json")
    assert [*json.loads(provenance.read_text())["runs"]] == ["13-1"]


@pytest.mark.parametrize("kind", ["error", "success"])
def test_parsers_print_json_unless_told_where(tmp_path, kind, capsys):
    run = ReleasedRun(tmp_path, TASKS)
    run.analyse()
    folder = tmp_path / f"{kind}_analysis"
    before = run.everything()
    script = {"error": parse_error_analysis_outputs, "success": parse_success_analysis_outputs}
    assert script[kind].main(["--input_dir", str(folder)]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [r["instance_id"] for r in records] == (
        ["13-1"] if kind == "success" else ["13-2", "13-4", "13-5", "CF_3"]
    )
    name = "analysis_report.md" if kind == "error" else "success_analysis_13-1.md"
    assert {r["source_file"] for r in records} == {name}
    fields = {"failure_cause": "relation_to_skill", "failure_memory": "skill_reflection"}
    for item in (item for record in records for item in record["items"]):
        assert item.get(fields.get(item["type"], "title"), None) is not None
    assert run.everything() == before


def test_comparison_report_and_ledger_take_it(tmp_path, capsys):
    runs = []
    for name, second in (("one", "wrong"), ("two", "solved")):
        run = ReleasedRun(tmp_path / name, {**TASKS, "13-2": second})
        run.evaluate()
        run.triage()
        run.analyse()
        runs.append(str(run.root))
    view = RunView.load(Path(runs[0]))
    assert view.problems == ()
    assert {case.id: case.status for case in view.cases}["CF_3"] == "out_of_turns"
    assert view.output_file(view.cases[0]).is_file()
    assert compare.main(runs) == 0
    page = tmp_path / "report.html"
    data = ("--data_path", str(tmp_path / "one" / "data"))
    assert report.main([*runs, "--output", str(page), *data]) == 0
    assert "could not be used" not in capsys.readouterr().out
    assert ledger.main([*runs, "--matched"]) == 0
    assert "no run.json" in capsys.readouterr().out


def test_what_is_missing_is_run_and_the_rest_taken_as_done(tmp_path):
    run = ReleasedRun(tmp_path, TASKS)
    kept = run.everything()

    async def go(*more: str) -> tuple[int, str, int]:
        async with StubServer(reply("ACTION: TASK_COMPLETE")) as server:
            flags = [
                *("--data_path", run.data, "--output_dir", run.outputs, "--log_dir", run.logs),
                *("--working_dir", tmp_path / "again", "--model", "m", "--agent", "cli_only"),
                *("--base_url", server.url, "--api_key", "EMPTY", *more),
            ]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(ROOT / "run_spreadsheetbench.py"), *map(str, flags)),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            said, _ = await process.communicate()
            asked = {m["content"] for b in server.bodies for m in b["messages"][1:2]}
            return process.returncode or 0, said.decode(), len(asked)

    code, said, asked = asyncio.run(go())
    assert (code, asked, "--missing_only" in said) == (2, 0, True), said
    code, said, asked = asyncio.run(go("--missing_only"))
    assert (code, asked) == (0, 2), said
    assert f"Results saved to: {run.outputs / 'results.json'}" in said
    results = json.loads((run.outputs / "results.json").read_text())
    assert {r["id"]: r["success"] for r in results["results"]} == {
        task: ended in ("solved", "wrong") for task, ended in TASKS.items()
    }
    after = run.everything()
    changed = {name for name in kept if after.get(name) != kept[name]}
    assert changed == {"outputs/results.json"}
    assert after["outputs/results_before.json"] == kept["outputs/results.json"]
    flags = ["--data_path", str(run.data), "--output_dir", str(run.outputs), "--workers", "1"]
    assert evaluate.main(flags) == 0
    summary = json.loads(run.verdicts.read_text())["summary"]
    assert summary["fully_correct_instances"] == 1


def test_whole_sheets_are_compared_without_a_position(tmp_path, capsys):
    run = ReleasedRun(tmp_path, {"13-1": "solved", "13-2": "wrong"})
    gold = run.data / "spreadsheet" / "13-1" / "1_13-1_golden.xlsx"

    def said(task):
        output = run.outputs / task / f"1_{task}_output.xlsx"
        flags = ("--output_file", str(output), "--ground_truth", str(gold))
        return evaluate_output.main([*flags]), capsys.readouterr().out

    code, shown = said("13-1")
    assert (code, "Result: PASS" in shown, "'Prices'!A1:C7" in shown) == (0, True, True)
    code, shown = said("13-2")
    assert (code, "C2: expected 1488.1 (number), found blank" in shown) == (1, True)

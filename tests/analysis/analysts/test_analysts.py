"""The analysts over a whole run: what is kept, dropped, done again, and how it is counted."""

import asyncio
import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from lessons import DONE, REPORT, SmallRun, act, bash, python
from measuring.function_model import FunctionModel

from analysis.analysts.asking import conversation, readable
from analysis.analysts.running import AnalysisRun
from analysis.analysts.settings import (
    CallErrorAnalysis,
    CallSuccessAnalysis,
    ErrorAnalysis,
    Repairing,
    RunAnalysis,
    RunChoice,
)
from analysis.analysts.single_call import FAILURES, SUCCESSES, SingleCallAnalyst
from analysis.lessons.outcomes import CaseAnalysis, open_run
from analysis.lessons.parsing import parse_folder
from analysis.lessons.records import load_records
from analysis.lessons.selection import select
from react_agent.conversation import CONTINUATIONS
from react_agent.engines.workers import Workers
from react_agent.errors import (
    ContextOverflow,
    ContractError,
    EndpointRefused,
    InfrastructureError,
    PromptRefused,
)
from react_agent.flags import parser_of, read
from react_agent.model import Message, Reply, ScriptedModel
from react_agent.models.settings import ModelSettings
from react_agent.runs.casework import task_prompts
from react_agent.sandbox.agent_python import offered
from react_agent.sandbox.door import open_sandbox
from spreadsheet_agent.domain import PACKAGES

FIX = "agent_work/output_fixed.xlsx"
REPAIR = python(
    "import openpyxl\n"
    "wb = openpyxl.load_workbook('agent_work/output.xlsx')\n"
    "ws = wb['Prices']\n"
    "for row in range(2, 8):\n"
    "    ws.cell(row, 3).value = round(ws.cell(row, 2).value * 1.19, 2)\n"
    f"wb.save('{FIX}')"
)
SUCCESS = """# Lean Solution Path
1. Look, 2. write.

# Success Memory Item 1

## Title
Read the saved file back

## Description
For every task.

## Content
Open it again and look at the cells.
"""


@pytest.fixture(scope="module")
def workers():
    with Workers(1) as started:
        yield started


def single(small: SmallRun, model, call=FAILURES, domain=None) -> SingleCallAnalyst:
    return SingleCallAnalyst(call, model, "scripted", small.root / "reports", domain)


def analyse(analyst, selection, workers=4, per_class=None):
    records = analyst.output_dir / "records.json"
    run = AnalysisRun(analyst, selection, records, workers, per_class=per_class)
    return asyncio.run(run.run())


def agentic(small, model, workers, **more):
    return small.analyst(model, open_sandbox("auto", python=offered(PACKAGES)), workers, **more)


def repairing(messages):
    """An honest analyst, whatever it is reminded of."""
    turns = sum(m.role == "assistant" for m in messages)
    return [REPAIR, act("evaluate_output", output_file=FIX), DONE][min(turns, 2)]


@pytest.mark.parametrize("agentically", [True, False])
def test_a_refused_prompt_is_final_and_counted_apart(tmp_path, workers, agentically):
    small = SmallRun(tmp_path, {"1-1": "FAILED", "1-2": "FAILED"})
    selection = select(small.logs, "FAILED")

    def policy(messages):
        if "1-2" in messages[1].content:
            raise PromptRefused("flagged")
        return repairing(messages)

    model = FunctionModel(policy)
    analyst = agentic(small, model, workers) if agentically else single(small, model)
    summary = analyse(analyst, selection)
    assert summary.counts["prompt refused"] == 1
    assert summary.owed == []
    dropped = {d["instance"]: d["detail"] for d in summary.dropped}
    assert dropped["1-2"] == "flagged"
    again = analyse(analyst, selection)
    assert again.counts == summary.counts


def test_every_trajectory_is_counted_once(tmp_path, workers):
    tags = {"1-1": "FAILED", "1-2": "FAILED", "1-3": "SUCCEED", "1-4": None, "1-5": "FAILED"}
    small = SmallRun(tmp_path, tags)
    small.add_run("1-5", "FAILED", status="infrastructure")
    selection = select(small.logs, "FAILED")

    def policy(messages):
        return repairing(messages) if "list 1-1" in messages[1].content else DONE

    summary = analyse(agentic(small, FunctionModel(policy), workers), selection)
    assert summary.counts == {
        "lesson": 1,
        "gate not held": 1,
        "not failed": 1,
        "no verdict": 1,
        "infrastructure": 1,
    }
    assert sum(summary.counts.values()) == summary.trajectories == 5
    assert {d["instance"]: d["reason"] for d in summary.dropped} == {
        "1-2": "gate not held",
        "1-4": "no verdict",
        "1-5": "infrastructure",
    }
    (record,) = load_records(tmp_path / "analysis" / "records.json")
    assert (record.instance_id, record.error_class) == ("1-1", "wrong_values")
    assert record.failing_cells[0].cell == "C2"
    assert record.failing_cells_total == 6
    assert (record.gate_mode, record.gate_verdict) == ("output", "held")
    assert Path(record.gate_file).is_file()
    assert Path(record.trajectory).is_file()
    assert Path(record.report).read_text().strip() == DONE
    assert record.source_file == Path(record.report).name


def test_a_case_that_the_endpoint_ended_is_analysed_again_by_the_same_start(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED", "1-2": "FAILED"})
    met = []

    def unlucky(messages):
        if "list 1-1" in messages[1].content and not met:
            met.append("1-1")
            raise InfrastructureError("gave up")
        return repairing(messages)

    analyst = agentic(small, FunctionModel(unlucky), workers)
    summary = analyse(analyst, select(small.logs, "FAILED"))
    assert (met, summary.counts, summary.owed) == (["1-1"], {"lesson": 2}, [])


def test_a_finished_case_is_not_paid_for_again_and_a_failed_one_is(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED", "1-2": "FAILED"})
    selection = select(small.logs, "FAILED")
    calls = []

    def flaky(messages):
        calls.append(messages)
        if "list 1-2" in messages[1].content and len(calls) < 100:
            raise InfrastructureError("connection refused")
        return repairing(messages)

    first = analyse(agentic(small, FunctionModel(flaky), workers), selection)
    assert first.counts == {"lesson": 1, "owed": 1}
    assert first.owed[0]["instance"] == "1-2"
    assert not (tmp_path / "analysis" / "1-2").exists()
    calls += [[]] * 100
    before = len(calls)
    second = analyse(agentic(small, FunctionModel(flaky), workers), selection)
    assert second.counts == {"lesson": 2}
    assert all("list 1-2" in messages[1].content for messages in calls[before:])
    before = len(calls)
    third = analyse(agentic(small, FunctionModel(flaky), workers), selection)
    assert (len(calls) - before, third.counts) == (0, {"lesson": 2})


@pytest.mark.parametrize("agentically", [True, False])
def test_so_many_of_a_class_are_paid_for_and_the_others_counted(tmp_path, workers, agentically):
    tasks = ("1-1", "1-2", "1-3", "1-4")
    small = SmallRun(tmp_path, dict.fromkeys(tasks, "FAILED"))
    for task in tasks:
        small.add_run(task, "FAILED", status="out_of_turns")
    selection = select(small.logs, "FAILED")
    broken, asked = [], []

    def policy(messages):
        asked.append(messages)
        if broken:
            raise InfrastructureError("down")
        return repairing(messages) if agentically else REPORT

    model = FunctionModel(policy)
    analyst = agentic(small, model, workers) if agentically else single(small, model)
    broken.append(True)
    assert {o["instance"] for o in analyse(analyst, selection, per_class=2).owed} == {"1-1", "1-2"}
    broken.clear()
    summary = analyse(analyst, selection, per_class=2)
    assert summary.counts["counted, not analysed"] == 2
    assert summary.not_analysed == {"out_of_turns": 2}
    assert sum(summary.counts.values()) == summary.trajectories == 4
    assert "counted, not analysed: 2 out_of_turns" in summary.table()
    assert [d["instance"] for d in summary.dropped if "counted" in d["reason"]] == ["1-3", "1-4"]
    records = load_records(analyst.output_dir / "records.json")
    assert {r.instance_id: r.counted for r in records} == dict.fromkeys(
        ("1-1", "1-2"), ("1-3", "1-4")
    )
    paid = len(asked)
    again = analyse(analyst, selection, per_class=2)
    assert again.counts == summary.counts
    assert len(asked) == paid
    assert "counted, not analysed" not in analyse(analyst, selection).counts


def test_new_evidence_is_analysed_anew(tmp_path):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    analyse(single(small, ScriptedModel(REPORT)), select(small.logs, "FAILED"))
    small.add_run("1-1", "FAILED", status="out_of_turns")
    summary = analyse(single(small, ScriptedModel(REPORT)), select(small.logs, "FAILED"))
    assert summary.usage.calls == 1
    (record,) = load_records(small.root / "reports" / "records.json")
    assert record.error_class == "out_of_turns"


def test_report_in_a_reply_before_the_signal_alone_is_found(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    model = ScriptedModel(REPAIR, REPORT, "ACTION: TASK_COMPLETE")
    summary = analyse(agentic(small, model, workers), select(small.logs, "FAILED"))
    assert summary.counts == {"lesson": 1}


def test_one_more_turn_for_the_report_when_turns_are_used_up(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    model = ScriptedModel(REPAIR, act("bash", command="ls"), REPORT)
    summary = analyse(agentic(small, model, workers, max_turns=2), select(small.logs, "FAILED"))
    assert summary.counts == {"lesson": 1}
    assert "do not call any more tools" in model.asked[-1][-1].content
    roles = [m.role for m in model.asked[-1]]
    assert all(one != other for one, other in itertools.pairwise(roles))


def test_the_reminder_says_why_the_gate_does_not_hold(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    model = ScriptedModel(DONE, REPAIR, DONE)
    summary = analyse(agentic(small, model, workers), select(small.logs, "FAILED"))
    assert summary.counts == {"lesson": 1}
    assert "there is no agent_work/output_fixed.xlsx" in model.asked[1][-1].content


def test_other_arguments_of_the_check_have_no_effect(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    forged = act("evaluate_output", output_file="agent_work/output.xlsx", ground_truth="x.xlsx")
    model = ScriptedModel(forged, act("evaluate_output", output_file="../x.xlsx"), REPAIR, DONE)
    analyse(agentic(small, model, workers), select(small.logs, "FAILED"))
    first, second = model.asked[1][-1].content, model.asked[2][-1].content
    assert "ground_truth had no effect" in first
    assert "Result: FAIL 6 cells differ" in first
    assert "C2: expected 1488.1 (number), found blank" in first
    assert "only files below the working directory" in second


def test_an_output_that_is_right_costs_no_call(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "SUCCEED"})
    (log,) = small.logs.glob("*_SUCCEED.md")
    log.rename(log.with_name(log.name.replace("SUCCEED", "FAILED")))
    summary = analyse(agentic(small, ScriptedModel(), workers), select(small.logs, "FAILED"))
    assert summary.counts == {"nothing to explain": 1}


@pytest.mark.parametrize("mode", ["agentic", "single"])
def test_an_item_that_leaks_is_sent_back_once_then_dropped(tmp_path, workers, mode):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    leak = "\n# Failure Memory Item 2\n## Title\nTotals\n## Content\nC2 must be 1488.1.\n"
    again = REPORT + leak.replace("1488.1", "14,691.26")
    if mode == "agentic":
        model = ScriptedModel(REPAIR, DONE.replace(REPORT, REPORT + leak), again)
        summary = analyse(agentic(small, model, workers), select(small.logs, "FAILED"))
    else:
        model = ScriptedModel(REPORT + leak, again)
        summary = analyse(
            single(small, model, domain=small.domain(workers)), select(small.logs, "FAILED")
        )
    assert 'Failure Memory Item 2 "Totals" has the number 1488.1' in model.asked[-1][-1].content
    assert (summary.items, summary.items_leaked) == (2, 1)
    folder = tmp_path / ("analysis" if mode == "agentic" else "reports")
    (record,) = load_records(folder / "records.json")
    assert [item.title for item in record.items] == [
        "Left the gross column empty",
        "Read the saved file back",
    ]
    assert record.items_dropped == 1
    assert parse_folder(folder, "error").records == [record]


def test_mentions_are_dropped_from_reports_of_other_tools(tmp_path):
    text = REPORT + "\n# Failure Memory Item 2\n## Title\nCompare with the gold file\n"
    (tmp_path / "7-1").mkdir()
    (tmp_path / "7-1" / "analysis_report.md").write_text(text)
    (tmp_path / "7-1" / "evaluate_passed.flag").touch()
    parsed = parse_folder(tmp_path, "error")
    assert [len(record.items) for record in parsed.records] == [2]
    assert parsed.leaked == {"7-1": 1}


def test_only_gated_reports_become_records_and_prompts_are_no_reports(tmp_path):
    for name, flag in (("1-1", True), ("1-2", False)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "analysis_report.md").write_text(REPORT)
        if flag:
            (tmp_path / name / "evaluate_passed.flag").touch()
    (tmp_path / "error_analysis_2-1.md").write_text(REPORT)
    (tmp_path / "error_analysis_2-1_prompt.md").write_text(REPORT)
    (tmp_path / "error_analysis_2-2.md").write_text("I could not find out.")
    parsed = parse_folder(tmp_path, "error")
    assert [record.instance_id for record in parsed.records] == ["1-1", "2-1"]
    assert (parsed.not_gated, list(parsed.unparsed)) == (["1-2"], ["2-2"])
    kept = tmp_path / "failed_to_parse" / "2-2"
    assert (kept / "analysis_report.md").read_text() == "I could not find out."
    assert (kept / "reason.txt").read_text().strip()


def test_a_cut_off_report_is_continued():
    half = len(SUCCESS) // 2
    parts = [Reply(text=SUCCESS[:half], finish="length"), Reply(text=SUCCESS[half:])]
    talk = conversation(ScriptedModel(*parts), [Message(role="user", content="go")])
    assert asyncio.run(talk.answer()) == SUCCESS
    assert not talk.cut_off


def test_a_continuation_that_starts_over_stands_alone():
    parts = [Reply(text=SUCCESS[:100], finish="length"), Reply(text=SUCCESS)]
    talk = conversation(ScriptedModel(*parts), [Message(role="user", content="go")])
    assert asyncio.run(talk.answer()) == SUCCESS


def test_continuing_ends():
    parts = [Reply(text="x", finish="length")] * (1 + CONTINUATIONS)
    talk = conversation(ScriptedModel(*parts), [Message(role="user", content="go")])
    asyncio.run(talk.answer())
    assert talk.cut_off


def test_a_report_without_items_is_sent_back_with_the_reason():
    model = ScriptedModel("still nothing", SUCCESS)
    talk = conversation(model, [Message(role="user", content="go")])
    _, report = asyncio.run(readable(talk, "nothing", "success"))
    assert [item.title for item in report.items] == ["Read the saved file back"]
    assert "Success Memory Item 1" in model.asked[0][-1].content


def test_a_log_too_long_for_the_model_is_shortened(tmp_path):
    small = SmallRun(tmp_path, {"1-1": "SUCCEED"})
    (log,) = small.logs.glob("*.md")
    log.write_text(log.read_text().replace("price list", "price list " + "x" * 11_000))
    model = ScriptedModel(ContextOverflow("too long"), SUCCESS)
    summary = analyse(single(small, model, SUCCESSES), select(small.logs, "SUCCEED"))
    assert summary.counts == {"lesson": 1}
    first, second = (len(asked[-1].content) for asked in model.asked)
    assert second < first


def test_an_analyst_whose_window_fills_goes_on_with_a_shorter_log(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    (log,) = small.logs.glob("*.md")
    log.write_text(log.read_text().replace("price list", "price list " + "x" * 30_000))
    asked = []

    def policy(messages):
        asked.append([len(m.text) for m in messages])
        if sum(asked[-1]) > 28_000 and len(messages) > 2:
            raise ContextOverflow("too long")
        return repairing(messages)

    summary = analyse(agentic(small, FunctionModel(policy), workers), select(small.logs, "FAILED"))
    assert summary.counts == {"lesson": 1}
    opening, full, shortened, *_ = asked
    assert opening[1] > 30_000, "whole as long as it fits"
    assert len(full) == len(shortened) == 4
    assert full[2:] == shortened[2:], "no turn is lost"
    assert shortened[1] < 0.8 * full[1]
    chat = (tmp_path / "analysis" / "1-1" / "error_analysis_chat.md").read_text()
    assert "shortened in its middle" in chat


def test_the_analyst_gets_the_skill_once_and_as_a_file(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    (log,) = small.logs.glob("*.md")
    system = task_prompts(small.domain(workers), None).render(
        "system_cli_skill_preloaded.j2",
        skill_name="xlsx",
        skill_folder="/skills/xlsx",
        skill_body="BODY OF THE SKILL",
        tool_timeout=1,
        packages="",
    )
    log.write_text(log.read_text().replace("You are a spreadsheet agent.", system))
    model = ScriptedModel(bash("cat agent_skill.md"), REPAIR, DONE)
    summary = analyse(agentic(small, model, workers), select(small.logs, "FAILED"))
    assert summary.counts == {"lesson": 1}
    opening = "".join(m.text for m in model.asked[0])
    assert opening.count("BODY OF THE SKILL") == 1
    assert "Reply in this form" not in opening, "the agent's protocol is not repeated"
    assert model.asked[1][-1].text.endswith("BODY OF THE SKILL")
    assert "6 wrong places: all with 'missing: number expected, blank found'" in opening
    (prompt,) = (single(small, model).prompt(s) for s in select(small.logs, "FAILED").subjects)
    assert "".join(m.text for m in prompt).count("BODY OF THE SKILL") == 1
    assert prompt[0].text.rstrip().endswith("</skill>")


def test_a_log_that_no_window_takes_is_final(tmp_path):
    small = SmallRun(tmp_path, {"1-1": "SUCCEED"})
    model = FunctionModel(lambda messages: (_ for _ in ()).throw(ContextOverflow("too long")))
    summary = analyse(single(small, model, SUCCESSES), select(small.logs, "SUCCEED"))
    assert (summary.counts, summary.owed) == ({"no report": 1}, [])
    assert summary.dropped[0]["detail"] == "too long"


def test_one_broken_case_does_not_stop_the_others(tmp_path):
    small = SmallRun(tmp_path, {"1-1": "FAILED", "1-2": "FAILED", "1-3": "FAILED"})

    def policy(messages):
        if "list 1-2" in messages[1].content:
            raise RuntimeError("a bug")
        return REPORT

    summary = analyse(single(small, FunctionModel(policy)), select(small.logs, "FAILED"))
    assert summary.counts == {"lesson": 2, "owed": 1}


def test_an_endpoint_that_refuses_everything_stops_the_run(tmp_path):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    model = ScriptedModel(EndpointRefused("wrong key"))
    with pytest.raises(EndpointRefused):
        analyse(single(small, model), select(small.logs, "FAILED"))


def test_several_seeds_are_analysed_together(tmp_path, caplog):
    small = SmallRun(tmp_path / "run", {"1-1": "FAILED"})
    (log,) = small.logs.glob("*.md")
    for seed in (41, 42):
        folder = tmp_path / "logs" / f"seed_{seed}"
        folder.mkdir(parents=True)
        (folder / log.name).write_text(log.read_text())
    selection = select(tmp_path / "logs", "FAILED", repeat=2)
    summary = analyse(single(small, ScriptedModel(REPORT, REPORT)), selection)
    records = load_records(small.root / "reports" / "records.json")
    assert [(r.instance_id, r.task, r.seed) for r in records] == [
        ("1-1_seed_41", "1-1", 41),
        ("1-1_seed_42", "1-1", 42),
    ]
    assert summary.counts == {"lesson": 2}
    caplog.clear()
    assert len(select(tmp_path / "logs", "FAILED", repeat=3).subjects) == 2
    assert "--repeat says 3" in caplog.text


def test_a_sample_is_the_first_of_the_runs_or_of_the_shuffled_runs(tmp_path):
    small = SmallRun(tmp_path, {f"1-{n}": "FAILED" for n in range(1, 7)})
    names = [s.instance for s in select(small.logs, "FAILED").subjects]
    sample = select(small.logs, "FAILED", sample=3)
    assert [s.instance for s in sample.subjects] == names[:3]
    assert len(sample.subjects) + len(sample.left_out) == 6
    shuffled = [
        [s.instance for s in select(small.logs, "FAILED", sample=n, shuffle_seed=1).subjects]
        for n in (3, 6, 6)
    ]
    assert shuffled[0] == shuffled[1][:3] != names[:3]
    assert shuffled[1] == shuffled[2]


def test_logs_of_two_agents_are_not_mixed(tmp_path):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    (log,) = small.logs.glob("*.md")
    (log.parent / log.name.replace("cli_only", "cli_skill_preloaded")).write_text(log.read_text())
    with pytest.raises(ContractError, match="one agent's folder at a time"):
        select(small.logs, "FAILED")


def test_logs_without_verdicts_are_named(tmp_path):
    small = SmallRun(tmp_path, {"1-1": None})
    with pytest.raises(ContractError, match=r"run analyze_results\.py first"):
        select(small.logs, "FAILED")
    assert len(select(small.logs, "ALL").subjects) == 1
    with pytest.raises(ContractError, match="no log of 9-9"):
        select(small.logs, "ALL", instance_ids=["9-9"])


def test_other_settings_are_refused_with_the_difference(tmp_path):
    open_run(tmp_path, {"gate": "output", "model": {"model": "a"}}, overwrite=False)
    open_run(tmp_path, {"gate": "output", "model": {"model": "a"}}, overwrite=False)
    with pytest.raises(ContractError, match=r"model\.model: 'a' -> 'b'"):
        open_run(tmp_path, {"gate": "output", "model": {"model": "b"}}, overwrite=False)
    open_run(tmp_path, {"gate": "off"}, overwrite=True)


def test_a_half_written_case_file_is_a_case_still_owed(tmp_path):
    path = tmp_path / "analysis.json"
    path.write_text('{"instance_id": "1')
    assert CaseAnalysis.load(path) is None


def test_what_the_analyst_leaves_is_published_without_its_claims(tmp_path, workers):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    steps = [
        act(
            "bash", command="touch evaluate_passed.flag analysis_report.md gate.json analysis.json"
        ),
        act("bash", command="ln -s /etc/passwd agent_work/link; mkfifo agent_work/pipe"),
        act("bash", command="echo hello > agent_work/note.txt; echo x > agent_work/gold.xlsx"),
        DONE,
        DONE,
    ]
    analyse(agentic(small, ScriptedModel(*steps), workers), select(small.logs, "FAILED"))
    folder = tmp_path / "analysis" / "1-1"
    assert sorted(p.name for p in folder.iterdir()) == [
        "agent_log.md",
        "agent_work",
        "analysis.json",
        "analysis_report.md",
        "error_analysis_chat.md",
        "gate.json",
    ]
    assert sorted(p.name for p in (folder / "agent_work").iterdir()) == [
        "gold.xlsx",
        "input.xlsx",
        "look.py",
        "note.txt",
        "output.xlsx",
    ]
    gold = small.data / "spreadsheet" / "1-1" / "1_1-1_golden.xlsx"
    assert (folder / "agent_work" / "gold.xlsx").read_bytes() == gold.read_bytes()
    assert json.loads((folder / "gate.json").read_text())["verdict"] == "refused"
    assert not list((tmp_path / "analysis" / ".work").iterdir())


def test_flags_of_the_scripts_have_both_spellings():
    argv = ["--data-path", "d", "--work_dir", "w", "--logs-dir", "l", "--max-turns", "100"]
    settings = read(ErrorAnalysis, parser_of(ErrorAnalysis, "").parse_args(argv))
    folders = {"data_path": Path("d"), "work_dir": Path("w"), "logs_dir": Path("l")}
    assert settings == ErrorAnalysis(**folders, repairing=Repairing(max_turns=100))
    assert (settings.repairing.gate, settings.records.name) == (
        "output",
        "parsed_error_records.json",
    )


def test_the_whole_run_gives_each_stage_what_it_was_told(tmp_path):
    settings = RunAnalysis(
        run_folder=tmp_path,
        choice=RunChoice(sample=3, overwrite=True),
        repairing=Repairing(workers=9, gate="off"),
        model=ModelSettings(generation_config="a.json"),
        success_generation_config="b.json",
    )
    errors, successes = settings.stages(tmp_path / "data")
    calls, _ = replace(settings, single_call=True).stages(tmp_path / "data")
    assert [type(s) for s in (errors, calls, successes)] == [
        ErrorAnalysis,
        CallErrorAnalysis,
        CallSuccessAnalysis,
    ]
    assert {s.choice for s in (errors, calls, successes)} == {settings.choice}
    assert (errors.repairing, calls.max_workers) == (settings.repairing, 9)
    assert [s.model.generation_config for s in (errors, successes)] == ["a.json", "b.json"]
    places = [(s.output_dir.name, s.records.name) for s in (errors, calls, successes)]
    assert places == [
        ("error_analysis", "error_analysis_parsed.json"),
        ("error_analysis_llm", "error_analysis_llm_parsed.json"),
        ("success_analysis", "success_analysis_parsed.json"),
    ]
    for only, wanted in (("error", [errors]), ("success", [successes])):
        assert replace(settings, only=only).stages(tmp_path / "data") == wanted

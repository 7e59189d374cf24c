"""Every prompt of the analysts in every mode: rendered, with what it must and must not say."""

import re

import pytest

from analysis.analysts.asking import PROMPTS, leak_question
from analysis.evidence.means import SKILL_CHARACTERS, Means
from analysis.evidence.workspace import SKILL_FILE
from analysis.lessons.leaks import LeakScan
from analysis.lessons.records import LessonItem
from react_agent.seams import FileNames

FILES = FileNames("input.xlsx", "output.xlsx", "gold.xlsx", "output_fixed.xlsx")
NOT_HELD = {"reason": "R", "turns_left": 3, "files": FILES}
AGENTIC = {
    "tool_timeout": 120,
    "packages": "openpyxl and pandas",
    "files": FILES,
    "skill_file": SKILL_FILE,
}
MEANS = [
    Means(),
    Means("# How to\nRead the file back.", "xlsx", packages="openpyxl 3.1.5", office="none"),
    Means("You are an agent.\nRead the file back.", apart=False, office="24.2"),
]
SYSTEMS = [
    ("error_agent/system.j2", {"gate": gate, "means": means, **AGENTIC})
    for gate in ("output", "replay", "off")
    for means in MEANS
] + [
    (name, {"means": means})
    for name in ("error_llm/system.j2", "success_llm/system.j2", "contrast/system.j2")
    for means in MEANS
]
USER = {
    "folder": "/case",
    "instruction": "Fill column C.",
    "instruction_type": "Cell-Level Manipulation",
    "asks": {"answer position": "C2:C7"},
    "files": FILES,
    "has_output": True,
    "other_files": ("look.py",),
    "files_left_out": 2,
    "ended": "the agent said that it was done",
    "error_class": "wrong values",
    "error_meaning": "cells hold other values",
    "wrong_places": "3 wrong places: all with a number",
    "skill_file": "",
    "mismatches": "Result: FAIL 1 cells differ",
    "log": "[1] USER\nhello",
    "log_cut": True,
}


def headings(text):
    return re.findall(r"^#+ .*", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "values"), SYSTEMS)
def test_system_prompts_name_what_the_parsers_read(name, values):
    text = PROMPTS.render(name, **values)
    kind = "Success" if "success" in name else "Failure"
    assert f"# {kind} Memory Item 1" in headings(text)
    assert ("# Failure Cause Item 1" in headings(text)) == (kind == "Failure")
    assert {"## Title", "## Description", "## Content"} <= set(headings(text))
    for part in ("## Skill Reflection", "## Relation to Skill"):
        assert (part in text) == (bool(values["means"].skill) and kind == "Failure")
    assert "a gold file, ground truth" in text  # the perspective rules, in each of them
    assert "Where files lie differs from run to run" in text


@pytest.mark.parametrize(("name", "values"), SYSTEMS)
def test_only_the_agentic_prompt_speaks_of_tools(name, values):
    text = PROMPTS.render(name, **values)
    agentic = name.startswith("error_agent")
    for word in ("Action:", "evaluate_output", "TASK_COMPLETE"):
        assert (word in text) == agentic
    assert ("fix.py" in text) == (values.get("gate") == "replay")
    assert ("output_fixed.xlsx" in text) == agentic


@pytest.mark.parametrize(("name", "values"), SYSTEMS)
def test_what_the_agent_had_is_told_once_and_last(name, values):
    text, means = PROMPTS.render(name, **values), values["means"]
    assert (
        ("# The agent's skill" in text) == text.rstrip().endswith("</skill>") == bool(means.skill)
    )
    if means.skill:
        assert text.count(means.skill) == 1
        assert ("its skill among them" in text) != means.apart
    assert text.count("openpyxl 3.1.5") == bool(means.packages)
    assert text.count("LibreOffice") == bool(means.office)
    assert ("LibreOffice was not there" in text) == (means.office == "none")


@pytest.mark.parametrize("name", ["error_agent/system.j2", "error_llm/system.j2"])
def test_a_skill_beyond_the_bound_is_cut_and_said_to_be(name):
    means = Means("start" + "x" * SKILL_CHARACTERS + "end", "xlsx")
    text = PROMPTS.render(name, gate="output", means=means, **AGENTIC)
    assert "shortened in its middle (the whole is in agent_skill.md)" in text
    assert SKILL_CHARACTERS < len(text) < SKILL_CHARACTERS + 9_000
    assert text.rstrip().endswith("xend\n</skill>")
    assert "agent_skill.md" not in PROMPTS.render("success_llm/system.j2", means=means)


@pytest.mark.parametrize("name", ["error_agent/system.j2", "error_llm/system.j2"])
def test_what_is_ours_comes_before_what_is_the_runs(name):
    """So that endpoints can keep it between runs as well as between cases."""
    prompts = [
        PROMPTS.render(name, gate="output", means=Means(skill, skill), **AGENTIC) for skill in "ab"
    ]
    one, other = (text.partition("# The agent's skill") for text in prompts)
    assert one[0] == other[0]
    assert one[2] != other[2]


def test_a_success_prompt_forbids_what_the_run_did_not_do():
    text = PROMPTS.render("success_llm/system.j2", means=Means())
    assert "a command that took it" in text
    assert "Nothing may be made up" in text


@pytest.mark.parametrize("output", [True, False])
@pytest.mark.parametrize("others", [(), ("a.py", "b.xlsx")])
def test_the_agentic_task_names_its_evidence(output, others):
    text = PROMPTS.render(
        "error_agent/user.j2", **{**USER, "has_output": output, "other_files": others}
    )
    assert text.startswith("working_directory: /case")
    assert ("agent_work/output.xlsx" in text) == output
    assert all(f"agent_work/{name}" in text for name in others)
    assert '{"name": "evaluate_output", "arguments": {"output_file": ' in text
    assert "wrong values (cells hold other values); 3 wrong places: all with" in text
    assert "agent_skill.md" not in text
    assert text.rstrip().endswith("</log>")


@pytest.mark.parametrize("failed", [True, False])
def test_one_call_task(failed):
    given = {"failed": failed, "ended": "", "known": "", "log": "the log", "log_cut": False}
    given["rejected"] = ""
    text = PROMPTS.render("single_call_user.j2", judged=True, signals="", **given)
    assert ("It failed." in text, "It succeeded." in text) == (failed, not failed)
    assert text.startswith("Here is the run. It ")
    unknown = PROMPTS.render("single_call_user.j2", judged=False, signals="[3] abort", **given)
    assert "It failed." not in unknown
    assert "It succeeded." not in unknown
    assert "[3] abort" in unknown
    assert "turned down" not in unknown
    known = {**given, "rejected": "- Dates as dates (turned down because: ours are texts)"}
    told = PROMPTS.render("single_call_user.j2", judged=False, signals="", **known)
    assert "ours are texts" in told


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("error_agent/not_held.j2", {**NOT_HELD, "gate": "output"}, "3 turns"),
        ("error_agent/not_held.j2", {**NOT_HELD, "gate": "replay"}, "fix.py"),
        ("error_agent/no_report.j2", {"problem": "P"}, "P"),
        ("error_agent/last_turn.j2", {}, "do not call any more tools"),
        ("continue.j2", {}, "exactly where it stopped"),
        ("report_unreadable.j2", {"problem": "P", "kind": "error"}, "Failure Cause Item 1"),
        ("report_unreadable.j2", {"problem": "P", "kind": "success"}, "Success Memory Item 1"),
    ],
)
def test_reminders(name, values, words):
    assert words in PROMPTS.render(name, **values)


def test_leaks_are_named_one_by_one():
    item = LessonItem(type="failure_memory", number=2, title="T", content="see the answer key")
    assert 'Failure Memory Item 2 "T" has the words "answer key"' in leak_question(
        [item], LeakScan.of_case()
    )


def test_no_template_is_left_out_here():
    tested = {name for name, _ in SYSTEMS} | {
        "error_agent/user.j2",
        "single_call_user.j2",
        "contrast/user.j2",
        "memory/failure.j2",
        "memory/success.j2",
        "error_agent/not_held.j2",
        "error_agent/no_report.j2",
        "error_agent/last_turn.j2",
        "continue.j2",
        "report_unreadable.j2",
        "leaking.j2",
    }
    assert {n for n in PROMPTS.sources() if not n.rsplit("/")[-1].startswith("_")} == tested

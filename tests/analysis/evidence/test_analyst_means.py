"""What an analyst knows of the agent: its skill, its programs, its log, and how it went wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.evidence.case import MESSAGE_CHARACTERS, log_text
from analysis.evidence.means import Means, means_of, run_settings
from analysis.evidence.taxonomy import wrong_places
from analysis.lessons.selection import Subject
from react_agent.bundled import ROOT
from react_agent.model import Message
from react_agent.runs.logs import Log, LogName, write_log
from react_agent.seams import Check, FailingPlace
from react_agent.skills import find_skill
from react_agent.templates import Prompts

SKILLS = ROOT / "spreadsheet_agent" / "skills"
PRELOADED = "system_cli_skill_preloaded.j2"
RESULT = {"success": True, "status": "completed", "turns": 1, "error": ""}


def subject(logs, system, agent="cli_skill_preloaded_agent", log_format="markdown"):
    said = [("system", system), ("user", "The task."), ("assistant", "ACTION: TASK_COMPLETE")]
    messages = tuple(Message(role=role, content=text) for role, text in said if text)
    name = LogName(agent, "1-1", tag="FAILED")
    return Subject(name, write_log(logs, name, Log(messages, RESULT, "a run"), log_format))


def preloaded(package, body):
    return Prompts(package, "react_agent").render(
        PRELOADED, skill_name="own", skill_folder="/s/own", skill_body=body, tool_timeout=1
    )


@pytest.mark.parametrize("log_format", ["markdown", "jsonl"])
@pytest.mark.parametrize("skill", ["xlsx", "xlsx-basic"])
def test_a_preloaded_skill_is_found_in_the_log_as_the_agent_read_it(tmp_path, skill, log_format):
    body = find_skill(SKILLS, skill).body
    system = preloaded("spreadsheet_agent", body)
    assert means_of(subject(tmp_path, system, log_format=log_format)) == Means(body.strip(), "own")


@pytest.mark.parametrize("inside", ["---------- skill ends ----------", "# Skill: other", "---"])
def test_a_skill_may_speak_of_skills(tmp_path, inside):
    body = f"Above.\n{inside}\nBelow."
    system = preloaded("spreadsheet_agent", body)
    assert means_of(subject(tmp_path, system)) == Means(body, "own")


def test_where_the_skill_cannot_be_told_apart_all_instructions_are_shown(tmp_path):
    text = "You are an agent.\n\n## Skills\n\n### xlsx\n\nRead the file back."
    assert means_of(subject(tmp_path, text)) == Means(text, apart=False)


def test_an_agent_without_a_skill_has_none(tmp_path):
    assert means_of(subject(tmp_path, "You are an agent.", "cli_only_agent"), SKILLS) == Means()
    assert means_of(subject(tmp_path, "", "cli_skill_preloaded_agent")).skill == ""


@pytest.mark.parametrize("same", [True, False])
def test_a_skill_that_no_log_shows_is_known_while_it_is_as_it_was(tmp_path, same):
    skill = find_skill(SKILLS, "xlsx")
    note = {"skill": {"name": "xlsx", "digest": skill.digest if same else "0" * 64}}
    place(tmp_path / "outputs", note)
    found = means_of(subject(tmp_path / "logs", "", "own_program"), SKILLS)
    assert found == Means(skill.body if same else "", "xlsx")


def place(folder, settings):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"settings": settings, "sessions": []}))


@pytest.mark.parametrize(
    ("outputs", "logs"),
    [
        ("run/outputs", "run/logs"),
        ("run/base_outputs", "run/base_logs"),
        ("run/outputs/seed_41", "run/logs/seed_41"),
        ("run", "run/logs"),
        ("run/seed_41", "run/logs/seed_41"),
    ],
)
def test_settings_lie_where_runs_put_them(tmp_path, outputs, logs):
    place(tmp_path / outputs, {"libreoffice": "24.2"})
    assert run_settings(tmp_path / logs / "a.md") == {"libreoffice": "24.2"}


@pytest.mark.parametrize(
    ("settings", "means"),
    [
        ({"agent_python": {"packages": {"a": "1", "b": "2.0"}}}, Means(packages="a 1, b 2.0")),
        ({"environment": {"packages": ["a==1", "b"]}}, Means(packages="a==1, b")),
        ({"agent_python": None, "environment": 3, "skill": "odd"}, Means()),
        ({"libreoffice": "none"}, Means(office="none")),
    ],
)
def test_programs_are_read_as_runs_note_them(tmp_path, settings, means):
    place(tmp_path / "outputs", settings)
    assert means_of(subject(tmp_path / "logs", "", "cli_only_agent")) == means


@pytest.mark.parametrize("text", ["", "[]", "{", '{"settings": []}', '{"settings": {"skill": []}}'])
def test_a_run_file_of_another_kind_says_nothing(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    one = subject(tmp_path / "logs", "", "cli_only_agent")
    assert means_of(one) == Means()
    assert run_settings(tmp_path / "elsewhere" / "x" / "y.md") == {}


TEXTS = st.text(st.sampled_from("ab\n"), max_size=40)


@given(st.lists(TEXTS, max_size=6), st.integers(60, 400))
def test_a_log_that_fits_is_whole_and_none_is_much_longer(texts, limit):
    said = [Message(role="user", content=text) for text in texts]
    log = Log((Message(role="system", content="INSTRUCTIONS"), *said), RESULT)
    text, cut = log_text(log, limit)
    assert "INSTRUCTIONS" not in text
    assert len(text) <= limit + 60
    if not cut:
        assert all(f"[{n}] USER\n{said}" in text for n, said in enumerate(texts, start=2))


def test_one_long_message_is_whole_while_the_log_fits():
    long, short = "x" * (2 * MESSAGE_CHARACTERS), "y" * 50
    log = Log(tuple(Message(role="user", content=text) for text in (short, long, short)), RESULT)
    assert log_text(log) == (f"[1] USER\n{short}\n\n[2] USER\n{long}\n\n[3] USER\n{short}", False)
    text, cut = log_text(log, len(long))
    assert cut
    assert text.count(short) == 2, "what was printed in bulk goes first"


def check(problems, total):
    places = tuple(FailingPlace("S", f"A{n}", problem) for n, problem in enumerate(problems))
    return Check(False, "Result: FAIL", failing=places, failing_total=total)


@pytest.mark.parametrize(
    ("problems", "total", "said"),
    [
        ([], 0, ""),
        (["blank"] * 3, 3, "3 wrong places: all with 'blank'"),
        (["a", "b", "b"], 3, "3 wrong places: 2 with 'b', 1 with 'a'"),
        (["a", "b"], 9, "9 wrong places, of the first 2: 1 with 'a', 1 with 'b'"),
        (["d", *"aabbcc"], 7, "7 wrong places: 2 with 'a', 2 with 'b', 2 with 'c', 1 with others"),
        ([""], 0, "1 wrong place: all with 'wrong'"),
    ],
)
def test_how_places_are_wrong_is_one_clause(problems, total, said):
    assert wrong_places(check(problems, total)) == said


def test_without_an_output_no_place_is_wrong():
    assert wrong_places(None) == ""

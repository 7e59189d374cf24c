"""The agents are told what the paper's agent is told, in words of ours, and no lesson."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from commands import DONE, MINI, Commands, bash, with_server
from project import SKILLS
from stub_server import reply

from react_agent.errors import ContractError
from react_agent.harnesses.equipment import Equipment
from react_agent.harnesses.react import ReActKind
from react_agent.loop.replies import Action, Done, read_reply
from react_agent.model import ScriptedModel
from react_agent.runs import casework
from react_agent.runs.casework import task_prompts
from react_agent.runs.settings import Rollouts
from react_agent.sandbox.door import open_sandbox
from react_agent.seams import Workspace
from react_agent.skills import Skill, find_skill
from react_agent.templates import Prompts
from spreadsheet_agent.agents import AGENTS
from spreadsheet_agent.domain import EDITION, SpreadsheetDomain
from spreadsheetbench.tasks.dataset import Dataset
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import Recipe, contents, split_ids

GIVES_AWAY = re.compile(
    r"formula|stored|cached|calculat|evaluat|data_only|libreoffice|"
    r"re-?open|open\w* (it|the \w+ file|the output) again|saved file|read\w* back|"
    r"what counts|count[s ]|looked for|judge|score|grade|compared|verif|validat|"
    r"\bcheck|correct|\btrap|\bmust\b|values? (that )?(stand|must|should)|"
    r"keep\w* (what|every|other)|bottom|to_excel|data ?type|"
    r"where it covers|learned|guidance",
    re.IGNORECASE,
)
"""Ideas of the lessons that runs are to teach, and of how a result is looked at."""
FIELDS = {
    "working_directory": "/case/1",
    "instruction": "Put the totals into D2.",
    "spreadsheet_path": "/case/1/input.xlsx",
    "spreadsheet_content": "('Item', 'Price')\n... (7 more rows)",
    "instruction_type": "Cell-Level Manipulation",
    "answer_position": "'Sheet B'!D2",
    "output_path": "/case/1/output.xlsx",
}
PINNED = {"paper-2": "dc23ea12bf8fa1cec03e3832bf1a0fcc44b89e7a47873a4c38d1007b943d3b4a"}
"""What an edition says. A changed prompt is a new edition, with a line of its own."""


DOMAIN = SpreadsheetDomain(Dataset.load(MINI))


def agent_prompts(folder: Path | None = None) -> Prompts:
    return task_prompts(DOMAIN, folder)


def edition(prompts: Prompts) -> dict[str, str]:
    return casework.edition(DOMAIN, prompts)


def opening(kind: ReActKind, folder: Path) -> list[str]:
    """What a case starts with, the skill's own text replaced by a word."""
    (folder / "plain").mkdir()
    (folder / "plain/SKILL.md").write_text("---\nname: plain\n---\nBODY OF THE SKILL\n")
    skill = Skill.load(folder / "plain") if kind.with_skill else None
    agent = kind.open(
        Equipment(
            model=ScriptedModel(),
            sandbox=open_sandbox("none"),
            prompts=agent_prompts(),
            skill=skill,
            max_turns=1,
        )
    )
    workspace = Workspace(folder, FIELDS, lambda: "")
    return [message.text for message in agent.opening(workspace)]


def reminders(folder: Path) -> list[str]:
    """Sent when no output is there, and when a reply cannot be read."""
    dataset = Dataset.load(MINI)
    case = dataset.cases(dataset.tasks[0])[0]
    workspace = SpreadsheetDomain(dataset).prepare(case, folder / "work")
    missing = agent_prompts().render("missing_output.j2", missing=workspace.missing())
    assert str(folder / "work/output.xlsx") in missing
    values = {"problem": "Your reply was empty.", "tools": ["bash"], "example": "{}"}
    prompts = agent_prompts()
    return [missing] + [
        prompts.render("format_error.j2", cut_off=cut_off, **values) for cut_off in (True, False)
    ]


@pytest.mark.parametrize("kind", AGENTS.values(), ids=lambda kind: kind.flag)
def test_no_prompt_gives_a_lesson_away(kind: ReActKind, tmp_path: Path) -> None:
    for text in [*opening(kind, tmp_path), *reminders(tmp_path)]:
        given_away = GIVES_AWAY.search(text)
        assert not given_away, text[max(0, given_away.start() - 60) : given_away.end() + 60]


@pytest.mark.parametrize(
    "sentence",
    [
        "What counts is the values that stand in the cells when the saved file is opened.",
        "Open the saved file again and check the cells before you finish.",
        "`answer_position` names the cells where the result is looked for.",
        "When the result is saved and checked, reply with this line alone:",
        "(certain cells get values or formulas)",
        "Where it covers something you are about to do, follow it: it knows traps.",
    ],
)
def test_what_once_gave_a_lesson_away_would_be_found(sentence: str) -> None:
    assert GIVES_AWAY.search(sentence)


def test_the_seed_skill_says_what_the_prompts_leave_to_it() -> None:
    body = find_skill(SKILLS, "xlsx").body
    for word in ("stored", "recalc", "data_only", "read back", "never `wb.active`", "commas"):
        assert word in body.casefold()


@pytest.mark.parametrize("kind", AGENTS.values(), ids=lambda kind: kind.flag)
def test_an_agent_is_told_all_fields_the_form_and_the_end(kind: ReActKind, tmp_path: Path) -> None:
    system, task = opening(kind, tmp_path)
    for name, value in FIELDS.items():
        assert re.search(rf"^{name}:\s{re.escape(value)}$", task, re.MULTILINE)
        assert f"`{name}`" in task
    assert "The working directory is the only place to read and write" in system
    assert "\nACTION: TASK_COMPLETE\n" in system
    assert ("# Recommended workflow" in system) != kind.with_skill
    assert ("\nBODY OF THE SKILL\n" in system) == kind.with_skill
    assert (f"Its folder is {tmp_path.resolve()}/plain" in system) == kind.with_skill


def test_the_examples_are_replies_that_can_be_read_and_run(tmp_path: Path) -> None:
    system = agent_prompts().render(
        "system_cli_only.j2", tool_timeout=120, skill_name="", skill_body="", skill_folder=None
    )
    examples = re.findall(r"^Thought: .*\nAction:\n\{.*\}$", system, re.MULTILINE)
    assert len(examples) == 4  # the form itself, and three
    book = openpyxl.Workbook()
    book.create_sheet("Orders")["A1"] = "Item"
    book.save(tmp_path / "input.xlsx")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for example in examples[1:]:
        action = read_reply(example)
        assert isinstance(action, Action)
        command = action.arguments["command"]
        subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, check=True, env={"PATH": path}, timeout=60
        )
    assert openpyxl.load_workbook(tmp_path / "output.xlsx")["Orders"]["F1"].value == "Region"
    assert isinstance(read_reply("ACTION: TASK_COMPLETE"), Done)


def test_an_edition_says_always_the_same() -> None:
    assert edition(agent_prompts()) == {"edition": EDITION, "digest": PINNED[EDITION]}


def own(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.j2").write_text(text)
    return folder


def test_a_template_of_ones_own_takes_the_place_of_ours_everywhere(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", _protocol="Stop after {{ tool_timeout }} seconds.")
    (folder / ".note").write_text("hidden files are no prompts")
    prompts = agent_prompts(folder)
    values = {"tool_timeout": 7, "skill_name": "s", "skill_body": "b", "skill_folder": "/s"}
    for kind in AGENTS.values():
        ours, theirs = (p.render(kind.system, **values) for p in (agent_prompts(), prompts))
        assert theirs.startswith("Stop after 7 seconds.\n")
        assert theirs.split("# ")[-1] == ours.split("# ")[-1]
    assert prompts.render("task.j2", **FIELDS) == agent_prompts().render("task.j2", **FIELDS)
    assert edition(prompts)["edition"] == "own"
    assert edition(prompts)["digest"] != edition(agent_prompts())["digest"]
    before = edition(prompts)
    own(folder, _protocol="Otherwise.")
    assert edition(prompts) == before  # read once: what was noted is what speaks
    assert edition(agent_prompts(folder)) != before


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("taks.j2", "hello", "taks.j2: no prompt has this name; there are _protocol.j2, format_"),
        ("task.j2", "{{ instructoin }}", "task.j2: no variable instructoin; it may use answer_po"),
        ("task.j2", "{% if 0 %}{{ seed }}{% endif %}", "task.j2: no variable seed"),
        ("system_cli_only.j2", "{% include 'task.j2' %}", "no variable answer_position, "),
        ("task.j2", "{{ instruction", "task.j2: line 1: "),
        ("task.j2", "{{ instruction|shout }}", "task.j2: line 1: No filter named 'shout'"),
        ("task.j2", "{% include 'tsk.j2' %}", "task.j2: includes tsk.j2, which is no prompt"),
        ("task.j2", "{% include 'task.j2' %}", "task.j2: task.j2 includes itself"),
        ("task.j2", b"\xff\xfe", "task.j2: cannot be read: "),
        (".hidden", "hello", "holds no prompt; there are _protocol.j2"),
    ],
)
def test_a_wrong_folder_is_one_line(name: str, text: Any, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ContractError) as refused:
        agent_prompts(tmp_path)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_run_speaks_with_ones_own_prompts_and_goes_on_only_with_them(tmp_path: Path) -> None:
    said = ["no action at all", DONE, bash("cp input.xlsx output.xlsx"), DONE]

    def agent(body: dict[str, Any]) -> Any:
        return reply(said[sum(m["role"] == "assistant" for m in body["messages"])])

    folder = own(
        tmp_path / "own",
        task="TASK {{ instruction }}",
        missing_output="MISSING {{ missing }}",
        format_error="FORM {{ problem }}",
    )

    async def steps(user: Commands) -> None:
        one = ["--instance_ids", "9001"]
        code, shown = await user.rollouts(*one, "--prompts", str(folder))
        assert code == 0, shown
        users = [m["content"] for m in user.server.bodies[-1]["messages"] if m["role"] == "user"]
        assert [text.split()[0] for text in users] == ["TASK", "FORM", "MISSING", "Observation:"]
        run = json.loads((user.outputs / "run.json").read_text())
        assert run["settings"]["prompts"] == edition(agent_prompts(folder))
        about = run["sessions"][0]["environment"]
        assert about["prompts"] == str(folder)
        assert about["command"].startswith("trace2skill run ")
        assert f"--prompts {folder}" in about["command"]
        asked = len(user.server.bodies)
        code, shown = await user.rollouts(*one)
        assert code == 2
        assert "prompts.edition: 'own' -> 'paper-2'" in shown
        own(folder, task="Task {{ instruction }}")
        code, shown = await user.rollouts(*one, "--prompts", str(folder))
        assert code == 2
        assert "prompts.digest: " in shown
        own(folder, task="TASK {{ instruction }}")
        code, shown = await user.rollouts(*one, "--prompts", str(folder))
        assert code == 0, shown
        assert len(user.server.bodies) == asked
        code, shown = await user.rollouts(*one, "--prompts", "nowhere")
        assert (code, shown.count("\n")) == (2, 1)
        assert "nowhere: no such folder of prompts" in shown

    with_server(agent, tmp_path, steps)


def test_a_reproduction_hands_the_folder_to_all_rollouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SKILLS.parent.parent)
    folder = own(tmp_path / "own", task="TASK {{ instruction }}")
    text = (MINI / "reproduce.toml").read_text()
    (tmp_path / "r.toml").write_text(f"prompts = {json.dumps(str(folder))}\n{text}")
    recipe = Recipe.load(tmp_path / "r.toml")
    pipeline = Pipeline(recipe, split_ids(recipe))
    entrants = [pipeline.teacher, *pipeline.baselines(), *pipeline.validations()]
    steps = [*map(pipeline.roll_out, entrants), pipeline.learn(), pipeline.evolve(41)]
    for stage in [stage for step in steps for stage in step.stages]:
        given = isinstance(stage.settings, Rollouts) and stage.settings.agent.prompts == folder
        assert given == (stage.name == "run")
    before = contents(recipe)["prompts"]
    own(folder, task="Task {{ instruction }}")
    assert contents(recipe)["prompts"] != before

"""The whole loop with Claude Code as the agent: its runs teach, and its skill gets better."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from project import MINI, SKILLS, clients_folder
from scripted_endpoint import OpenSkill, Run, Say, ScriptedEndpoint, Turn

from react_agent.errors import ContractError
from react_agent.harnesses.equipment import Choice
from react_agent.layout import VERDICTS
from react_agent.registry import HARNESSES, find
from react_agent.runs.logs import find_logs, read_result
from trace2skill.cli import main

TEACH, HELD_OUT = "901-3,9012,9004", "911-6,9109,9105"
KEY = "sk-real-0123456789abcdefghijklmnop"


@pytest.fixture
def endpoint(monkeypatch: Any) -> ScriptedEndpoint:
    """Plays the agent through Claude Code, and analysts and evolver through the toolkit."""
    monkeypatch.setenv("TRACE2SKILL_CLIENTS", clients_folder())
    try:
        find(HARNESSES, "--harness", "claude-code")(Choice("cli_only"))
    except ContractError as error:
        pytest.skip(str(error))
    monkeypatch.syspath_prepend(str(MINI))
    model, author = __import__("author_model"), __import__("author")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    return ScriptedEndpoint(turns(model), reply=author.reply)


def turns(model: Any) -> Callable[[str], Sequence[Turn]]:
    """The demo's agent: it takes the sound way where the skill that it has opened says so."""

    def play(said: str) -> Sequence[Turn]:
        spelled = {
            i: json.dumps(r["instruction"], ensure_ascii=False) for i, r in model.TASKS.items()
        }
        task = next(i for i, text in spelled.items() if text[1:-1] in said)
        rest = said.partition("Base directory for this skill")[2]
        skill = re.split(r'(?<!\\)"', rest)[0]  # to the end of the JSON text that holds it
        code = model.choose(task, skill, "").solution.read_text()
        return (
            OpenSkill("xlsx-basic"),
            Run(f"cat > solve.py <<'EOF'\n{code}\nEOF\npython solve.py"),
            Say("Done."),
        )

    return play


def stage(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


def run(endpoint: ScriptedEndpoint, place: Path, skills: Path, tasks: str) -> dict[str, bool]:
    """Rollouts, verdicts, triage; what was solved."""
    outputs = place / "outputs"
    stage(
        *("run", "--data_path", MINI, "--harness", "claude-code", "--model", "m"),
        *("--base_url", endpoint.url, "--instance_ids", tasks, "--workers", 2),
        *("--skills_dir", skills, "--skill", "xlsx-basic", "--output_dir", outputs),
        *("--working_dir", place / "work", "--log_dir", place / "logs"),
    )
    ids = ("--instance_ids", tasks)
    stage("evaluate", "--data_path", MINI, "--output_dir", outputs, *ids)
    stage("triage", "--eval_results", outputs / VERDICTS, "--log_dir", place / "logs")
    rows = [read_result(path).result for _, path in find_logs(place / "logs")]
    assert [row["skill_opened"] for row in rows] == [True] * 3
    verdicts = json.loads((outputs / VERDICTS).read_text())
    return {one["id"]: one["success"] for one in verdicts["results"]}


def test_the_skill_of_an_agent_of_others_gets_better_from_its_runs(
    endpoint: ScriptedEndpoint, tmp_path: Path, capsys: Any
) -> None:
    evolved = tmp_path / "skills"
    shutil.copytree(SKILLS / "xlsx-basic", evolved / "xlsx-basic")
    with endpoint:
        chat = ("--model", "m", "--base_url", f"{endpoint.url}/v1")
        taught = run(endpoint, tmp_path / "base", SKILLS, TEACH)
        stage("analyze", tmp_path / "base", "--data_path", MINI, *chat, "--workers", 2)
        lessons = ("error_analysis_parsed.json", "success_analysis_parsed.json")
        error, success = (tmp_path / "base" / name for name in lessons)
        stage(
            *("evolve", "--error-json", error, "--success-json", success, *chat),
            *("--skill-dir", evolved / "xlsx-basic", "--data-path", MINI),
        )
        before = run(endpoint, tmp_path / "before", SKILLS, HELD_OUT)
        after = run(endpoint, tmp_path / "after", evolved, HELD_OUT)
    assert taught == {"901-3": False, "9012": False, "9004": True}
    assert sum(before.values()) < sum(after.values()) == 3
    capsys.readouterr()
    stage("compare", tmp_path / "before", tmp_path / "after")
    assert "claude-code (native), skill xlsx-basic" in capsys.readouterr().out
    written = [p for p in tmp_path.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    assert not written

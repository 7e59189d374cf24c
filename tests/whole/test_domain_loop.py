"""Each of the paper's other experiments through the whole loop: rollouts, verdicts, lessons,
evolution, validation, held-out run, comparison, report, ledger; started again it has nothing to do.
"""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import bash
from experiments import SAMPLES, Agent, saying
from lessons import DONE as REPORT
from project import ROOT
from stub_server import StubServer, reply

from react_agent.model import Message
from reporting.ledger import command as ledger

LESSON = "Answer what is asked, not what stands nearest to it."
RECIPE = """
domain = "{name}"
data_path = "{data}"
skills_dir = "{root}/spreadsheet_agent/skills"
output = "{output}"
start = "xlsx-basic"
baselines = []
lessons = "error"
gate = "off"
seeds = [41]
workers = 2
sandbox = "none"
[model]
name = "m"
base_url = "{url}"
[split]
train = [0, 1]
test = [1, 3]
"""


class Loop(Agent):
    """Plays every role; as an agent it is right where its skill holds the lesson."""

    def __call__(self, body: dict[str, Any]) -> Any:
        messages = [Message.model_validate(message) for message in body["messages"]]
        system = messages[0].text
        if system.startswith("You are an error analyst"):
            return reply(REPORT)
        if system.startswith("You improve a skill"):
            return reply(self._patch(messages[1].text))
        if len(messages) > 2:
            return reply("ACTION: TASK_COMPLETE")
        said = messages[1].text
        items = next(items for question, items in self.right.items() if question in said)
        return reply(bash(saying(items if LESSON in system else ["quite another"], self.tables)))

    @staticmethod
    def _patch(user: str) -> str:
        found = re.search(r"#### Record (\S+)", user)
        assert found
        edit = {
            "file": "SKILL.md",
            "op": "append_to_section",
            "target_section": "## Guidelines",
            "content": f"- {LESSON}",
            "sources": [found[1]],
        }
        return "```json\n" + json.dumps({"reasoning": "Seen.", "edits": [edit]}) + "\n```"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_domain_goes_through_the_whole_loop(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    agent, output = Loop(name, SAMPLES[name]), tmp_path / "out"

    async def started(url: str) -> tuple[int | None, str]:
        text = RECIPE.format(name=name, data=SAMPLES[name], root=ROOT, output=output, url=url)
        (tmp_path / "recipe.toml").write_text(text)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "trace2skill", "reproduce", tmp_path / "recipe.toml", "--yes"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def twice() -> None:
        async with StubServer(agent, models=["m"]) as server:
            code, said = await started(server.url)
            assert code == 0, said
            asked = len(server.bodies)
            code, said = await started(server.url)
            assert (code, len(server.bodies)) == (0, asked), said

    asyncio.run(twice())
    pairs = json.loads((output / "comparison.json").read_text())["pairs"]
    assert [(pair["before"], pair["after"]) for pair in pairs] == [(0.0, 1.0)]
    page = (output / "report.html").read_text("utf-8")
    assert "Did it help?" in page
    assert LESSON in page
    assert ledger.main([str(output), "--matched"]) == 0
    assert "evolved_run_seed_41" in capsys.readouterr().out

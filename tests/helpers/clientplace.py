"""A task with a skill for a client, and a gateway to a scripted endpoint."""

import asyncio
from pathlib import Path

from scripted_endpoint import ScriptedEndpoint

from react_agent.gateway.server import AgentsOnly, Gateway
from react_agent.harnesses.equipment import AgentKind, Equipment
from react_agent.models.connect import Connection
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.settings import BudgetSettings
from react_agent.sandbox.door import open_sandbox
from react_agent.seams import Trajectory, Workspace
from react_agent.skills import Skill
from react_agent.templates import Prompts

KEY = "sk-real-0123456789abcdefghijklmnop"
MODEL = "model-under-test"
QUICK = RetryPolicy(attempts=2, seconds=2.0, first_wait=0.01, longest_wait=0.02)
WORDS = "Write the total into total.txt."


class Place:
    """A task with a skill, and folders for one run."""

    def __init__(self, root: Path) -> None:
        self.folder, self.records = root / "work" / "case", root / "records"
        self.folder.mkdir(parents=True)
        (self.folder / "numbers.txt").write_text("1\n2\n")
        (root / "prompts").mkdir()
        (root / "prompts" / "task.j2").write_text("{{ instruction }}")
        self.prompts = Prompts(root / "prompts")
        (root / "adding").mkdir()
        about = "---\nname: adding\ndescription: How totals are made.\n---\nADD-THEM-UP\n"
        (root / "adding" / "SKILL.md").write_text(about)
        self.skill = Skill.load(root / "adding")

    def run(
        self,
        kind: AgentKind,
        endpoint: ScriptedEndpoint,
        *,
        seconds: float = 90.0,
        max_turns: int = 8,
        budget: BudgetSettings | None = None,
    ) -> Trajectory:
        return asyncio.run(self._run(kind, endpoint, seconds, max_turns, budget))

    async def _run(
        self,
        kind: AgentKind,
        endpoint: ScriptedEndpoint,
        seconds: float,
        max_turns: int,
        budget: BudgetSettings | None,
    ) -> Trajectory:
        base = endpoint.url + ("" if kind.protocol == "messages" else "/v1")
        settings = ModelSettings(
            model=MODEL, base_url=base, api_key=KEY, budget=budget or BudgetSettings()
        )
        folders = [self.records]
        async with (
            Connection(
                settings, folders=folders, policy=QUICK, transport=AgentsOnly()
            ) as connection,
            Gateway(kind.protocol, settings, connection) as gateway,
        ):
            equipment = Equipment(
                model=connection.model(),
                sandbox=open_sandbox("auto"),
                prompts=self.prompts,
                skill=self.skill if kind.with_skill else None,
                max_turns=max_turns,
                seconds=seconds,
                gateway=gateway,
                records=self.records,
            )
            workspace = Workspace(self.folder, {"instruction": WORDS}, lambda: "")
            return await kind.open(equipment).run(workspace)

"""The paper's other experiments: their samples, and an agent that knows the answers."""

import asyncio
import json
from pathlib import Path
from typing import Any

from commands import DONE, bash
from project import ROOT
from stub_server import StubServer, reply

from react_agent import registry
from react_agent.model import Message
from react_agent.models.settings import ModelSettings
from react_agent.runs import session, triage
from react_agent.runs.places import Session
from react_agent.runs.settings import AgentSettings, Rollouts, Triage
from react_agent.seams import Domain, Reading
from spreadsheetbench.scoring import stage
from spreadsheetbench.scoring.settings import Scoring

SAMPLES = {
    "wikitablequestions": ROOT / "tableqa/samples/wikitablequestions",
    "hitab": ROOT / "tableqa/samples/hitab",
    "math": ROOT / "math_tasks/samples",
    "docvqa": ROOT / "docvqa/samples",
}


TABLES = ("wikitablequestions", "hitab")


READING = Reading(processes=1, seconds=60)


def opened(name: str, path: Path | None = None) -> Domain[Any]:
    domain: Domain[Any] = registry.find(registry.DOMAINS, "domain", name)(
        path or SAMPLES[name], READING
    )
    return domain


def answers(domain: Domain[Any], task_id: str) -> list[str]:
    if domain.name in TABLES:
        found: list[str] = list(domain.by_id[task_id].answer)  # type: ignore[attr-defined]
        return found
    return [domain.golds(task_id)[0]]  # type: ignore[attr-defined]


def saying(items: list[str], tables: bool) -> str:
    """The command of an agent that answers so."""
    if not tables:
        return f"printf '%s\\n' {json.dumps('Answer: ' + items[0])} > answer.txt"
    code = (
        "import json, openpyxl; b = openpyxl.load_workbook('input.xlsx'); "
        "[b['Answer'].cell(n, 1, x) for n, x in enumerate(json.load(open('a.json')), 1)]; "
        "b.save('output.xlsx')"
    )
    return f"cat > a.json <<'EOF'\n{json.dumps(items)}\nEOF\npython -c \"{code}\""


class Agent:
    """Right on every task but the first, as its script knows the answers."""

    def __init__(self, name: str, path: Path) -> None:
        domain = opened(name, path)
        self.tables = name in TABLES
        self.wrong = domain.tasks[0].id
        self.right = {task.instruction: answers(domain, task.id) for task in domain.tasks}
        self.known = {**self.right, domain.tasks[0].instruction: ["quite another"]}
        self.shown = 0

    def __call__(self, body: dict[str, Any]) -> Any:
        messages = [Message.model_validate(message) for message in body["messages"]]
        if len(messages) > 2:
            return reply(DONE)
        self.shown += not isinstance(messages[1].content, str)
        said = messages[1].text
        items = next(items for question, items in self.known.items() if question in said)
        return reply(bash(saying(items, self.tables)))


def rollouts(name: str, path: Path, folder: Path, url: str, agent: str = "cli_only") -> Rollouts:
    return Rollouts(
        data_path=path,
        domain=name,
        output_dir=folder / "outputs",
        log_dir=folder / "logs",
        working_dir=folder / "work",
        agent=AgentSettings(agent=agent, workers=4, sandbox="none"),
        model=ModelSettings(model="m", base_url=url, api_key="EMPTY"),
    )


def run(name: str, path: Path, folder: Path, agent: Agent, kind: str = "cli_only") -> Session:
    async def started() -> Session:
        async with StubServer(agent) as server:
            return await session.run(rollouts(name, path, folder, server.url, kind))

    return asyncio.run(started())


def failed_run(name: str, folder: Path) -> None:
    run(name, SAMPLES[name], folder, Agent(name, SAMPLES[name]))
    scoring = Scoring(data_path=SAMPLES[name], domain=name, output_dir=folder / "outputs")
    scored = asyncio.run(stage.run(scoring))
    triage.run(Triage(eval_results=scored.results_file, log_dir=folder / "logs"))

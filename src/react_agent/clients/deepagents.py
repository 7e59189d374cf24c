"""deepagents (LangChain): its usual agent, or one that a function of the user's makes.

--harness deepagents [--command my_agent.py:agent]
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

from react_agent.clients.agent import ClientKind, client_kind
from react_agent.clients.client import Client, Ended, Event, Given, Start, last
from react_agent.errors import ContractError
from react_agent.evidence import Step
from react_agent.files import digest
from react_agent.harnesses.equipment import Choice
from react_agent.sessions.langsmith import said
from react_agent.sessions.reading import mapping, word

KEY = "GATEWAY_KEY"


class DeepAgents(Client):
    name = "deepagents"
    protocol = "chat"
    program = "python"
    install = "pip install deepagents langchain-openai, in an environment of its own"
    distribution = "deepagents"
    skills = ".deepagents/skills"

    def __init__(self, own: str = "") -> None:
        """`own`: `file:function` of a user's agent."""
        self.own = own

    def start(self, given: Given) -> Start:
        script = given.home / "deep_agent.py"
        script.write_bytes((resources.files("react_agent.clients") / "deep_agent.py").read_bytes())
        skills = given.folder / self.skills
        argv = [str(given.program), str(script), given.model, f"{given.url}/v1"]
        argv += [str(skills) if skills.is_dir() else "", str(given.max_turns)]
        return Start([*argv, *([self.own] if self.own else [])], {KEY: given.key})

    def ended(self, events: Sequence[Event]) -> Ended:
        if error := last(events, "error"):
            return Ended("infrastructure", word(error.get("error"))[:400])
        done = last(events, "end") or last(events, "message")
        return Ended() if done else Ended("crash", "it ended without a word")

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        messages = [mapping(e.get("message")) for e in events if e.get("type") == "message"]
        return [step for message in messages for step in said(message)]


def agent(choice: Choice) -> ClientKind:
    """Raises ContractError for a file that is not there, too."""
    if not choice.command:
        return client_kind(DeepAgents(), choice)
    name, _, function = choice.command.rpartition(":")
    file = Path(name).resolve()
    if not (file.is_file() and function.isidentifier()):
        raise ContractError(
            f"--command {choice.command}: with --harness deepagents this is FILE.py:FUNCTION"
        )
    kind = client_kind(DeepAgents(f"{file}:{function}"), choice)
    noted = replace(kind.found, needs=(*kind.found.needs, file))
    return replace(kind, found=noted, own=digest(file.read_bytes()))

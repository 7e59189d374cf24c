"""mini-swe-agent, by its command `mini`: a bash loop without skills, which saves what it did."""

import json
from collections.abc import Sequence

from react_agent.clients.agent import ClientKind, client_kind
from react_agent.clients.client import Client, Ended, Event, Given, Start
from react_agent.evidence import Step
from react_agent.harnesses.equipment import Choice
from react_agent.sessions.langsmith import said
from react_agent.sessions.reading import mapping

TRAJECTORY = "trajectory.json"
"""In the home of a case."""
ROLES = ("system", "user", "assistant", "tool")


class MiniSweAgent(Client):
    name = "mini-swe-agent"
    protocol = "chat"
    program = "mini"
    install = "pip install mini-swe-agent, in an environment of its own"
    distribution = "mini-swe-agent"

    def start(self, given: Given) -> Start:
        argv = [str(given.program), "--model", f"openai/{given.model}", "--task", given.task]
        argv += ["--yolo", "--exit-immediately", "--config", "mini.yaml"]
        argv += ["--output", str(given.home / TRAJECTORY)]
        env = {
            "OPENAI_BASE_URL": f"{given.url}/v1",
            "OPENAI_API_BASE": f"{given.url}/v1",
            "OPENAI_API_KEY": given.key,
            "MSWEA_CONFIGURED": "true",
            "MSWEA_SILENT_STARTUP": "1",
            "MSWEA_COST_TRACKING": "ignore_errors",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        return Start(argv, env, stdin=False)

    def ended(self, events: Sequence[Event]) -> Ended:
        """It prints for people; how it ended, its trajectory says, which `steps` reads."""
        return Ended()

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        try:
            saved = json.loads((given.home / TRAJECTORY).read_bytes())
        except (OSError, ValueError, RecursionError):
            return ()
        messages = mapping(saved).rows("messages")
        return [step for one in messages if one.get("role") in ROLES for step in said(one)]


def agent(choice: Choice) -> ClientKind:
    return client_kind(MiniSweAgent(), choice)

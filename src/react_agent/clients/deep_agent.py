"""Runs in the sandbox, in an environment that has deepagents: one agent, one task, and a line of
JSON for each message.

    python deep_agent.py MODEL ADDRESS SKILLS MAX_TURNS [FILE:FUNCTION] < TASK

FUNCTION of a user's FILE gives the agent, from the chat model, the folders of skills and a backend
for files and shell: `def agent(model, skills, backend): return create_deep_agent(...)`.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

KEY = "GATEWAY_KEY"
STEPS = 6
"""Of the graph, for one reply of the model; what bounds replies is the gateway."""


def main(model: str, address: str, skills: str, turns: str, own: str = "") -> None:
    from deepagents.backends import LocalShellBackend
    from langchain_openai import ChatOpenAI

    key = os.environ.pop(KEY)
    chat = ChatOpenAI(
        model=model, base_url=address, api_key=key, use_responses_api=False, max_retries=0
    )
    backend = LocalShellBackend(root_dir=Path.cwd(), virtual_mode=False, env=dict(os.environ))
    agent = (_own(own) if own else _usual)(chat, [skills] if skills else None, backend)
    given = {"messages": [{"role": "user", "content": sys.stdin.read()}]}
    try:
        said = 0
        config = {"recursion_limit": STEPS * int(turns) + STEPS}
        for state in agent.stream(given, config, stream_mode="values"):
            for message in state["messages"][said:]:
                _tell("message", message=message.model_dump(mode="json"))
            said = len(state["messages"])
        _tell("end")
    except Exception as error:  # of whatever the agent is made of: its end is told either way
        _tell("error", error=f"{type(error).__name__}: {error}")


def _usual(model: Any, skills: list[str] | None, backend: Any) -> Any:
    from deepagents import create_deep_agent

    return create_deep_agent(model=model, skills=skills, backend=backend)


def _own(named: str) -> Callable[..., Any]:
    file, _, function = named.rpartition(":")
    spec = spec_from_file_location("own_agent", file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, function)
    return found


def _tell(kind: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"type": kind, **more}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

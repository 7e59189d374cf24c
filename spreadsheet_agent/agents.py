"""The agents of the built-in harness: a table of what sets them apart."""

from react_agent.errors import ContractError
from react_agent.harnesses.equipment import Choice
from react_agent.harnesses.react import ReActKind

AGENTS = {
    kind.flag: kind
    for kind in (
        ReActKind("cli_only", "cli_only_agent", "system_cli_only.j2", with_skill=False),
        ReActKind(
            "cli_skill_preloaded",
            "cli_skill_preloaded_agent",
            "system_cli_skill_preloaded.j2",
            with_skill=True,
        ),
    )
}


def react_agent(choice: Choice) -> ReActKind:
    if choice.agent not in AGENTS:
        raise ContractError(f"--agent {choice.agent}: there are {', '.join(AGENTS)}")
    return AGENTS[choice.agent]

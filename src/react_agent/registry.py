"""What there is by name behind each seam. A new one is one file, and one line here.

Values are `module:attribute`, loaded when the name is asked for, so that nothing below imports what
stands above it. In place of a name a user can give such a value for code of their own.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from react_agent.errors import ContractError

DOMAINS: Mapping[str, str] = {
    "spreadsheetbench": "spreadsheet_agent.domain:open_domain",
    "wikitablequestions": "tableqa.domain:open_wikitablequestions",
    "hitab": "tableqa.domain:open_hitab",
    "math": "math_tasks.domain:open_domain",
    "docvqa": "docvqa.domain:open_domain",
    "tasks": "spreadsheet_agent.own_tasks:open_domain",
}
HARNESSES: Mapping[str, str] = {
    "react": "spreadsheet_agent.agents:react_agent",
    "command": "react_agent.harnesses.command:command_agent",
    "claude-code": "react_agent.clients.claude_code:agent",
    "codex": "react_agent.clients.codex:agent",
    "qwen-code": "react_agent.clients.qwen_code:agent",
    "opencode": "react_agent.clients.opencode:agent",
    "mini-swe-agent": "react_agent.clients.mini_swe_agent:agent",
    "deepagents": "react_agent.clients.deepagents:agent",
}
PROVIDERS: Mapping[str, str] = {
    "openai": "react_agent.models.providers.openai_compatible:open_openai",
    "anthropic": "react_agent.models.providers.anthropic_messages:open_anthropic",
    "api_chat": "react_agent.models.providers.api_chat:open_api_chat",
}
SKILL_FORMATS: Mapping[str, str] = {
    "agentskills": "skill_evolver.patches.agentskills:AgentSkills",
    "client": "skill_evolver.patches.agentskills:ClientSkills",
}

EVIDENCE: Mapping[str, str] = {
    "claude-code": "react_agent.sessions.claude_code:ClaudeCode",
    "codex": "react_agent.sessions.codex:Codex",
    "qwen-code": "react_agent.sessions.qwen_code:QwenCode",
    "langsmith": "react_agent.sessions.langsmith:LangSmith",
    "atif": "react_agent.sessions.atif:Atif",
    "inspect": "react_agent.sessions.inspect_logs:InspectLogs",
}

VIEWS: Mapping[str, str] = {
    "spreadsheetbench": "reporting.cells.view:VIEW",
}
"""By domain: what shows its cases in the report. One without shows its own words."""


_OFFERED: dict[tuple[int, str], Any] = {}


def offer(seam: Mapping[str, str], name: str, value: Any) -> str:
    """What a program has at hand, under a name of its own for as long as it runs: that name.

    Raises ContractError for a name that is taken here.
    """
    if name in seam or ":" in name:
        raise ContractError(f"{name!r} cannot be offered: it names something else")
    _OFFERED[id(seam), name] = value
    return name


def names(seam: Mapping[str, str]) -> str:
    return ", ".join(seam)


def is_client(harness: str) -> bool:
    """Whether it is a client of others, which asks its model by itself."""
    return HARNESSES.get(harness, harness).startswith("react_agent.clients.")


def find(seam: Mapping[str, str], what: str, name: str) -> Any:
    """What stands behind a name or behind `module:attribute`.

    Raises ContractError: no such name, or no such module or attribute.
    """
    if (id(seam), name) in _OFFERED:
        return _OFFERED[id(seam), name]
    place = seam.get(name, name)
    module, _, attribute = place.partition(":")
    if not attribute:
        raise ContractError(
            f"{what} {name!r} is not known; there are {names(seam)}, and module:attribute for "
            "one of your own"
        )
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise ContractError(f"{what} {name!r}: no module {error.name}") from None
    except AttributeError:
        raise ContractError(f"{what} {name!r}: {module} has no {attribute}") from None

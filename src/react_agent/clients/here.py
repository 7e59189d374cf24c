"""Which of the known clients are installed on this machine."""

from concurrent.futures import ThreadPoolExecutor

from react_agent.errors import ContractError
from react_agent.harnesses.equipment import Choice
from react_agent.registry import HARNESSES, find

PACKAGE = "react_agent.clients."


def clients_here() -> tuple[list[str], list[str]]:
    """Those that start, with their versions; and the names of the others."""
    names = [name for name, place in HARNESSES.items() if place.startswith(PACKAGE)]
    with ThreadPoolExecutor() as pool:  # each is started once, to tell its version
        versions = dict(zip(names, pool.map(_version, names), strict=True))
    here = [f"{name} ({version})" for name, version in versions.items() if version]
    return here, [name for name, version in versions.items() if not version]


def _version(name: str) -> str:
    try:
        kind = find(HARNESSES, "--harness", name)(Choice("cli_only"))
    except ContractError:
        return ""
    version: str = kind.found.version
    return version

"""Which of the known clients are installed on this machine."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from react_agent.clients.installed import NotInstalled
from react_agent.errors import ContractError
from react_agent.harnesses.equipment import Choice
from react_agent.registry import HARNESSES, find, is_client


@dataclass(frozen=True)
class Found:
    name: str
    version: str = ""
    problem: str = ""
    """Why one that is here does not start; neither this nor a version: it is not here."""


def clients_here() -> list[Found]:
    names = [name for name in HARNESSES if is_client(name)]
    with ThreadPoolExecutor() as pool:  # each is started once, to tell its version
        return list(pool.map(_found, names))


def _found(name: str) -> Found:
    try:
        kind = find(HARNESSES, "--harness", name)(Choice("cli_only"))
    except NotInstalled:
        return Found(name)
    except ContractError as error:
        return Found(name, problem=str(error))
    return Found(name, kind.found.version)

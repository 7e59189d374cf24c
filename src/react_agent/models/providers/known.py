"""Endpoints that have a name: their addresses, keys and habits, as `known.toml` lists them."""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from react_agent.errors import ContractError

TABLE = Path(__file__).with_name("known.toml")
NO_KEY = "EMPTY"
"""What is sent to a server that wants no key, as an SDK does not go without."""


class Known(BaseModel):
    """One endpoint. Address and key come from the user, else from its own variables, and never
    from those of another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    base_url: str
    base_url_variable: str = ""
    """Wins over `base_url`, where the endpoint's own SDK reads such a variable."""
    key_variable: str
    key_optional: bool = False
    """For servers of one's own, which usually want none."""
    client: str = "openai"
    """The protocol, as registry.PROVIDERS names it."""
    instead: dict[str, str] = Field(default_factory=dict)
    """Parameters of a request that have another name here; an empty one leaves them out."""
    listed_as: str = ""
    """What its list of models puts before a name."""
    lists_to_anybody: bool = False
    """Its list of models says nothing of the key."""
    note: str = ""

    def address(self, given: str | None) -> str:
        return given or os.environ.get(self.base_url_variable) or self.base_url

    def key(self, given: str | None) -> str:
        """Raises ContractError where there is none and one is needed."""
        key = given or os.environ.get(self.key_variable) or ""
        if key.strip():
            return key
        if self.key_optional:
            return NO_KEY
        raise ContractError(f"no API key for {self.name}: set {self.key_variable}")

    @property
    def renamed(self) -> Mapping[str, str | None]:
        return {name: other or None for name, other in self.instead.items()}


@cache
def all_known() -> Mapping[str, Known]:
    tables = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: Known(name=name, **table) for name, table in tables.items()}


def known(name: str) -> Known:
    """Raises ContractError for a name that is not in the table."""
    found = all_known().get(name)
    if found is None:
        raise ContractError(
            f"provider {name!r} is not known; there are {', '.join(all_known())}. Another endpoint "
            "is named by --base_url, with its key in OPENAI_API_KEY"
        )
    return found


def variables() -> set[str]:
    """Of the environment: how all of these are reached."""
    named = {one.key_variable for one in all_known().values()}
    return named | {one.base_url_variable for one in all_known().values()} - {""}

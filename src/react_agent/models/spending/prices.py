"""What tokens cost, from a small file that the user can replace; a model that is not in it has no
price, and then only tokens are shown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from react_agent.bundled import PRICES
from react_agent.configfile import read_record
from react_agent.model import Usage

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """Dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Dollars
    reply: Dollars
    cached_prompt: Dollars | None = None
    """Prompt tokens served from the endpoint's prefix cache; without it they cost as the others."""

    written_prompt: Dollars | None = None
    """Prompt tokens that were put there, where that is charged for."""

    def of(self, usage: Usage) -> float:
        cached = self.prompt if self.cached_prompt is None else self.cached_prompt
        written = self.prompt if self.written_prompt is None else self.written_prompt
        fresh = usage.prompt_tokens - usage.cached_tokens - usage.written_tokens
        dollars = fresh * self.prompt + usage.cached_tokens * cached
        dollars += usage.written_tokens * written
        return (dollars + usage.completion_tokens * self.reply) / 1e6


class Prices(BaseModel):
    """The file behind `--prices`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: str = ""
    models: dict[str, Price] = Field(default_factory=dict)

    @classmethod
    def load(cls, text: str | Path | None) -> "Prices":
        """A file, or `PROMPT,REPLY` for whatever model is asked. Raises ContractError.

        The default file may be missing: it lies in the clone, not in an installed package.
        """
        given = str(text or PRICES)
        if pair := _pair(given):
            return cls(models={"*": pair})
        path = Path(given)
        if given == PRICES and not path.exists():
            return cls()
        return read_record(cls, path)

    def find(self, model: str) -> Price | None:
        return self.models.get(model) or self.models.get("*")

    def cost(self, usages: Mapping[str, Usage]) -> float | None:
        """Dollars for what each model used; None while one of them has no price."""
        total = 0.0
        for model, usage in usages.items():
            price = self.find(model)
            if price is None:
                return None
            total += price.of(usage)
        return total


def _pair(text: str) -> Price | None:
    first, comma, second = text.partition(",")
    try:
        return Price(prompt=float(first), reply=float(second)) if comma else None
    except ValueError:  # a path with a comma in it; pydantic's error is a ValueError too
        return None

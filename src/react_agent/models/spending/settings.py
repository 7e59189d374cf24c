"""The caps of a stage."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.bundled import PRICES
from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class BudgetSettings(Settings):
    """Caps that are checked before a call is sent; what an earlier start has spent counts."""

    max_cost: float | None = setting("send no more", None, unit="DOLLARS", least=0)
    max_tokens: int | None = setting(
        "send no more; prompts and replies of all calls", None, unit="TOKENS", least=0
    )
    max_calls: int | None = setting("send no more", None, unit="CALLS", least=0)
    budget: Path | None = setting(
        "what is spent, counted over starts and stages",
        None,
        unit="FILE",
        default_text="<output_dir>/budget.jsonl when there is a cap",
    )
    prices: str = setting("dollars per million tokens: a file, or PROMPT,REPLY", PRICES)

    @property
    def capped(self) -> bool:
        return any(cap is not None for cap in (self.max_cost, self.max_tokens, self.max_calls))

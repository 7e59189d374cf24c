"""`trace2skill evolve --config FILE`: a skill learns from a file of its user's own tasks.

The file is short, in TOML or YAML; of it a recipe is made, and all the rest is a reproduction's:
rollouts, verdicts, lessons, evolution, validation, and a comparison on tasks that taught nothing.
"""

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictStr

from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.flags import run_stage
from react_agent.registry import DOMAINS, find
from react_agent.skills import find_skill
from trace2skill.reproduce.command import EPILOG, start
from trace2skill.reproduce.conduct import Conductor
from trace2skill.reproduce.recipe import (
    BudgetTable,
    ModelTable,
    Positive,
    Recipe,
    Seeds,
    SplitTable,
    capped,
)
from trace2skill.reproduce.settings import Batch

ABOUT = (
    "Improve a skill from a file of your own tasks: its runs on some of them are judged and give "
    "lessons, the evolved skill is compared with it on the others. The skill itself is not "
    "changed; the last lines say where the evolved one lies."
)


class BatchFile(BaseModel):
    """What the file holds. Its paths start at its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: Path
    """A file of tasks, or the data set of another domain."""
    skill: Path
    """The skill's folder."""
    output: Path = Path("evolved")
    domain: str = "tasks"
    model: ModelTable
    held_out: Annotated[float, Field(gt=0, lt=1)] | Annotated[tuple[StrictStr, ...], Field()] = 0.34
    """Tasks that teach nothing and are compared on: a share of the last ones, or their ids."""
    lessons: Literal["error", "success", "combined"] = "combined"
    seeds: Seeds = (41,)
    workers: Positive = 4
    max_turns: Positive = 30
    gate: Literal["output", "replay", "off"] = "output"
    sandbox: Literal["auto", "bwrap", "none"] = "auto"
    merge_batch_size: Annotated[int, Field(ge=2)] = 5
    budget: BudgetTable = BudgetTable()

    @classmethod
    def load(cls, path: Path) -> "BatchFile":
        """Raises ContractError that names the key."""
        try:
            text = path.read_text(encoding="utf-8-sig")
            value: Any = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
        except OSError as error:
            raise ContractError(f"{path}: {error.strerror}") from None
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            why = " ".join(str(error).split())
            raise ContractError(f"{path}: cannot be read: {why}") from None
        if isinstance(value, dict) and isinstance(value.get("model"), str):
            value = {**value, "model": {"name": value["model"]}}
        return fitted(cls, value, f"{path}: ")

    def recipe(self, here: Path) -> Recipe:
        """Raises ContractError for a skill or tasks that are not there, or too few tasks."""
        skill = find_skill(here / self.skill)
        data = here / self.tasks
        ids = [task.id for task in find(DOMAINS, "domain", self.domain)(data).tasks]
        held = self.held_out
        if isinstance(held, float):
            held = tuple(ids[len(ids) - max(1, round(held * len(ids))) :])
        if odd := sorted(set(held) - set(ids)):
            raise ContractError(f"held_out: {data} has no task {odd[0]}")
        train = tuple(one for one in ids if one not in held)
        if not train or not held:
            raise ContractError(f"{data}: at least two tasks: some to learn from, some held out")
        return Recipe(
            data_path=data,
            output=here / self.output,
            domain=self.domain,
            skills_dir=skill.root.parent,
            start=skill.name,
            baselines=(skill.name,),
            split=SplitTable(train=train, test=held),
            **{name: getattr(self, name) for name in _SAME},
        )


_SAME = (
    *("model", "lessons", "seeds", "workers", "max_turns", "gate", "sandbox"),
    *("merge_batch_size", "budget"),
)


async def _run(settings: Batch) -> int:
    here = settings.config.resolve().parent
    recipe = BatchFile.load(settings.config).recipe(here)
    conductor = Conductor.of(capped(recipe, settings))
    return await start(conductor, yes=settings.yes, dry_run=settings.dry_run)


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Batch, argv, ABOUT, EPILOG)


if __name__ == "__main__":
    sys.exit(main())

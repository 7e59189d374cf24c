"""A whole loop on a file of its user's own tasks: of it a recipe is made, and all the rest is a
reproduction's."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictStr

from react_agent.errors import ContractError
from react_agent.registry import DOMAINS, find
from react_agent.skills import find_skill
from trace2skill.reproduce.recipe import Loop, Positive, Recipe, Seeds, SplitTable


class OwnTasksRecipe(Loop):
    """Own tasks make a skill better. Paths in a file start at its folder."""

    hint: ClassVar[str] = "docs/your_tasks.md says what it holds"

    tasks: Path
    """A file of tasks, or the data set of another domain."""
    skill: Path
    """The skill's folder."""
    output: Path = Path("evolved")
    domain: str = "tasks"
    held_out: Annotated[float, Field(gt=0, lt=1)] | Annotated[tuple[StrictStr, ...], Field()] = 0.34
    """Tasks that teach nothing and are compared on: a share of the last ones, or their ids."""
    lessons: Literal["error", "success", "combined"] = "combined"
    seeds: Seeds = (41,)
    workers: Positive = 4
    max_turns: Positive = 30

    def recipe(self, here: Path = Path()) -> Recipe:
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
            skills_dir=skill.root.parent,
            start=skill.name,
            baselines=(skill.name,),
            split=SplitTable(train=train, test=held),
            **{name: getattr(self, name) for name in Loop.model_fields},
        )

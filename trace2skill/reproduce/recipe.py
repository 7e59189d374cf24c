"""The settings of a whole loop: one small file, read into one frozen object.

Paths in it are read from the folder that the command is started in, as in the published commands.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from react_agent.bundled import API_CHAT, PRICES
from react_agent.configfile import first_problem
from react_agent.errors import ContractError
from react_agent.registry import DOMAINS, find
from react_agent.runs.settings import DOMAIN
from react_agent.seams import Domain
from spreadsheet_agent import SKILLS
from trace2skill.reproduce.settings import Reproduction, Start

Positive = Annotated[int, Field(ge=1)]
Seeds = Annotated[tuple[int, ...], Field(min_length=1)]


Part = tuple[StrictInt, StrictInt] | Annotated[tuple[StrictStr, ...], Field(min_length=1)] | str
"""Of a data set."""


CONFIGS = ("generation_config", "thinking_config")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Role = Literal["agents", "error", "success", "evolver"]
"""Who asks a model: the agents that work and validate, the two analysts, and the evolutions."""


class RoleTable(_Table):
    """`[model.error]`, `[model.success]`, `[model.evolver]`: a model of its own for one role.

    What is not named is `[model]`'s; one with an endpoint of its own takes nothing but the name.
    """

    name: str = ""
    provider: str = ""
    base_url: str = ""
    llm_client: str = ""
    api_chat_config: str = ""
    generation_config: str = ""

    @property
    def elsewhere(self) -> bool:
        return bool(self.provider or self.llm_client)

    @model_validator(mode="after")
    def _key_is_its_own(self) -> "RoleTable":
        if self.base_url and not self.elsewhere:
            raise ValueError(
                "base_url goes with provider (docs/providers.md): it says whose key is sent there"
            )
        return self


class ModelTable(_Table):
    """`[model]`. A key is never here: it comes from OPENAI_API_KEY, or the provider's own."""

    name: str = Field(min_length=1)
    base_url: str = ""
    """Else OPENAI_BASE_URL."""
    provider: str = ""
    """A known endpoint by name."""
    llm_client: str = "openai"
    api_chat_config: str = API_CHAT
    generation_config: str = ""
    """For agents and the error analyst: the paper's instruct settings."""
    thinking_config: str = ""
    """For single calls (success analysis, patches, merges); else as `generation_config`."""
    as_released: bool = False
    """The temperatures that the paper's released code sends, whatever the configs say."""
    replay: str = ""
    """Answer from this cassette, without a network."""
    record: str = ""
    """Also write every reply to this cassette."""
    error: RoleTable | None = None
    success: RoleTable | None = None
    evolver: RoleTable | None = None

    def of(self, role: Role) -> "ModelTable":
        """What one role asks; its `generation_config` is the one that is sent."""
        single = role in ("success", "evolver")
        usual = (single and self.thinking_config) or self.generation_config
        changes: dict[str, Any] = {"generation_config": usual}
        if (own := None if role == "agents" else getattr(self, role)) is not None:
            if own.elsewhere:
                fields = RoleTable.model_fields.keys() - {"name"}
                changes = {name: ModelTable.model_fields[name].default for name in fields}
            changes |= {name: value for name, value in own.model_dump().items() if value}
        alone: dict[str, None] = dict.fromkeys(OWN_MODELS)
        return self.model_copy(update={**changes, **alone, "thinking_config": ""})

    @property
    def by_role(self) -> dict[Role, "ModelTable"]:
        return {role: self.of(role) for role in get_args(Role)}


OWN_MODELS: tuple[Role, ...] = ("error", "success", "evolver")


class MemoryTable(_Table):
    """`[memory]`: the baseline ReasoningBank, notes of the same training runs in place of a skill.
    `[model.success]` writes them, if there is one."""

    only: Literal["all", "error", "success"] = "all"
    """Of which trajectories."""
    embedding_model: str = ""
    """Finds the most similar task; without one its words do, other than in the paper."""
    embedding_base_url: str = ""
    """Else the agents' endpoint."""


class SplitTable(_Table):
    """`[split]`: records by position, `[first, one after the last]`, a list of task ids in
    quotes, or a file of them."""

    train: Part
    test: Part


class BudgetTable(_Table):
    """`[budget]`: caps over the whole reproduction and all its starts."""

    max_cost: Annotated[float, Field(ge=0)] | None = None
    """In dollars."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    max_calls: Annotated[int, Field(ge=0)] | None = None
    prices: str = PRICES


class Loop(_Table):
    """How a skill learns, whatever from: what recipes have in common."""

    hint: ClassVar[str] = ""
    """What to do where there is no file."""

    model: ModelTable
    """Or its name alone."""
    domain: str = DOMAIN
    """The benchmark: a name, or module:attribute of one of your own."""
    prompts: Path | None = None
    """A folder of the agents' prompts, in place of ours of the same names."""
    agent_packages: tuple[str, ...] = ()
    """Of the toolkit's environment, offered by the agents' Python besides the usual ones."""
    agent_python: Path | None = None
    """A Python of one's own for the agents."""
    harness: str = "react"
    """Who works on the tasks: a name of registry.HARNESSES, or module:attribute."""
    command: str = ""
    """The harness's own, where it takes one."""
    skill_offer: Literal["native", "preloaded"] | None = None
    """Of a client: the skill in its own folder, or whole in the prompt."""
    lessons: Literal["error", "success", "combined"] = "error"
    analyst: Literal["agentic", "single call"] = "agentic"
    """Of failures; a single call is the paper's ablation."""
    mode: Literal["parallel", "sequential"] = "parallel"
    """How lessons reach the skill; sequential edits it batch by batch and merges nothing."""
    batch_size: Positive = 1
    """Records of one batch."""
    seeds: Seeds = (41, 42, 43)
    """One evolution each; the first also rolls out the trajectories that all of them learn from."""
    test_seeds: tuple[int, ...] = ()
    """Seeds of the held-out runs; else the first of `seeds`."""
    workers: Positive = 128
    max_turns: Positive = 100
    merge_batch_size: Annotated[int, Field(ge=2)] = 5
    gate: Literal["output", "replay", "off"] = "output"
    sandbox: Literal["auto", "bwrap", "none"] = "auto"
    case_timeout: Annotated[float | None, Field(gt=0)] = None
    """Seconds; agents and analysts alike."""
    max_downtime: Annotated[float, Field(ge=0)] = 900
    """Seconds that a stage waits for an endpoint that is down."""
    min_free_disk: Annotated[float, Field(ge=0)] = 1024
    """MiB; with less on a disk that is written to, every stage stops with the rest owed."""
    memory: MemoryTable | None = None
    budget: BudgetTable = BudgetTable()

    @field_validator("model", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for name in ("seeds", "test_seeds"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} names a seed twice")
        if self.model.replay and self.model.record:
            raise ValueError("model.replay goes without model.record")
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Of a TOML file, or YAML by its name. Raises ContractError that names the key."""
        kind = "YAML" if path.suffix in (".yaml", ".yml", ".json") else "TOML"
        try:
            text = path.read_text(encoding="utf-8-sig")
            value = tomllib.loads(text) if kind == "TOML" else yaml.safe_load(text)
        except FileNotFoundError:
            raise ContractError(f"{path}: no such file; {cls.hint}") from None
        except OSError as error:
            raise ContractError(f"{path}: cannot be read: {error}") from None
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            raise ContractError(f"{path}: is not {kind}: {' '.join(str(error).split())}") from None
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ContractError(f"{path}: {_named(error, cls)}") from None


class Recipe(Loop):
    """What is reproduced, on what, by which model."""

    hint: ClassVar[str] = "copy reproduce.example.toml"

    data_path: Path
    output: Path = Path("outputs/reproduce")
    skills_dir: Path = SKILLS
    start: str = "xlsx"
    """The skill that evolution starts from: xlsx is deepening, xlsx-basic is creation."""
    baselines: tuple[str, ...] = ("xlsx", "xlsx-basic")
    """Skills that are scored on the held-out split besides the agent without one."""
    split: SplitTable

    @property
    def held_out_seeds(self) -> tuple[int, ...]:
        return self.test_seeds or self.seeds[:1]

    @property
    def recorded(self) -> bool:
        return bool(self.model.replay)

    def decides(self) -> dict[str, Any]:
        """All that decides the results: what may not change between two starts."""
        free = {"output", "workers", "budget", "max_downtime", "min_free_disk"}
        value = self.model_dump(mode="json", exclude=free)
        if self.domain == DOMAIN:  # as reproductions from before there were others
            del value["domain"]
        for name in ("base_url", "provider", "record"):  # what moved is still the same model
            del value["model"][name]
        for role in OWN_MODELS:
            if value["model"][role] is None:  # as reproductions had it before there were roles
                del value["model"][role]
            else:
                del value["model"][role]["base_url"], value["model"][role]["provider"]
        if not self.model.as_released:  # as in reproductions from before one could ask for it
            del value["model"]["as_released"]
        if self.memory:
            del value["memory"]["embedding_base_url"]
        later = ("analyst", "mode", "batch_size", "harness", "command", "skill_offer", "memory")
        for name in later:  # likewise
            if value[name] == Recipe.model_fields[name].default:
                del value[name]
        if not self.agent_packages:  # as reproductions had it before there was such a key
            del value["agent_packages"]
        return value


def recipe_of(settings: Reproduction) -> Recipe:
    """The file's recipe with the caps of this start. Raises ContractError that names the key."""
    return capped(Recipe.load(settings.config), settings)


def capped(recipe: Recipe, settings: Start) -> Recipe:
    caps = {
        "max_cost": settings.max_cost,
        "max_tokens": settings.max_tokens,
        "max_calls": settings.max_calls,
    }
    given = {name: cap for name, cap in caps.items() if cap is not None}
    return recipe.model_copy(update={"budget": recipe.budget.model_copy(update=given)})


def open_domain(recipe: Recipe) -> Domain[Any]:
    """Raises ContractError for a benchmark or a data set that is not there."""
    domain: Domain[Any] = find(DOMAINS, "domain", recipe.domain)(recipe.data_path)
    return domain


def contents(recipe: Recipe) -> dict[str, str]:
    """Hashes of what the settings only name. Raises ContractError when one of them is not there."""
    from react_agent.files import digest
    from react_agent.models.generation import GenerationConfig
    from react_agent.runs.casework import edition, task_prompts
    from react_agent.skills import find_skill

    domain = open_domain(recipe)
    found = {
        "data": digest(domain.source.read_bytes()),
        "prompts": edition(domain, task_prompts(domain, recipe.prompts))["digest"],
    }
    for name in sorted({recipe.start, *recipe.baselines}):
        found[f"skill {name}"] = find_skill(recipe.skills_dir, name).digest
    configs: dict[str, str] = {name: getattr(recipe.model, name) for name in CONFIGS}
    configs |= {f"{role} config": _own_config(recipe.model, role) for role in OWN_MODELS}
    for name, given in configs.items():
        if given:
            found[name] = digest(GenerationConfig.load(given).model_dump_json())
    if recipe.model.replay:
        cassette = Path(recipe.model.replay)
        found["cassette"] = digest(cassette.read_bytes()) if cassette.is_file() else ""
    return found


def _own_config(model: ModelTable, role: Role) -> str:
    own: RoleTable | None = getattr(model, role)
    return own.generation_config if own else ""


def _named(error: ValidationError, recipe: type[Loop]) -> str:
    """An unknown key first: a misspelt one is also missing under its own name."""
    found = error.errors(include_input=False, include_url=False)
    unknown = next((e for e in found if e["type"] == "extra_forbidden"), None)
    if unknown:
        *place, name = map(str, unknown["loc"])
        table: Any = {"model": ModelTable, "split": SplitTable, "budget": BudgetTable}
        table["memory"] = MemoryTable
        table |= dict.fromkeys(OWN_MODELS, RoleTable)
        known = table.get(place[-1] if place else "", recipe).model_fields
        return f"{'.'.join([*place, name])}: no such key; known keys: {', '.join(known)}"
    return first_problem(error).removeprefix("the whole: ")


def split_ids(recipe: Recipe) -> dict[str, list[str]]:
    """The ids of both splits, in order. Raises ContractError; no task may be in both."""
    domain = open_domain(recipe)
    found: dict[str, list[str]] = {}
    for name in ("train", "test"):
        split = getattr(recipe.split, name)
        if (ids := ids_of(split)) is not None:
            known = {task.id for task in domain.tasks}
            if unknown := [i for i in ids if i not in known]:
                raise ContractError(f"split.{name}: {domain.source} has no {', '.join(unknown)}")
            tasks = domain.select(ids=ids)
        else:
            tasks = domain.select(start=split[0], end=split[1])
        if not tasks:
            raise ContractError(f"split.{name}: no task of {domain.source} is in it")
        found[name] = [task.id for task in tasks]
    both = sorted({*found["train"]} & {*found["test"]})
    if both:
        names = ", ".join(both[:5])
        raise ContractError(f"split: {len(both)} tasks are in train and in test, such as {names}")
    return found


def ids_of(part: Part) -> list[str] | None:
    """None for a part that is given by position. Raises ContractError."""
    if isinstance(part, str):
        return _ids_in(Path(part))
    return [one for one in part if isinstance(one, str)] or None


def _ids_in(path: Path) -> list[str]:
    """Ids a line, or separated by blanks or commas."""
    try:
        return path.read_text(encoding="utf-8").replace(",", " ").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from None

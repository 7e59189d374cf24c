"""Where the skill of a run comes from, in the paper's terms: by digests and its noted history."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from react_agent.configfile import read_record
from react_agent.files import SKILL_FILE
from react_agent.layout import REPORT, report_prefix
from react_agent.seams import Domain
from react_agent.skills import Skill
from reporting.comparing.entrants import Entrant
from reporting.ledger import paper
from reporting.ledger.paper import Mode, Signal
from reporting.runs.runview import mapping
from skill_evolver.commands.released import LOCK, Pins
from skill_evolver.commands.settings import RELEASED_SKILLS
from skill_evolver.engine.history import Provenance, files_digest, previous
from spreadsheet_agent import SKILLS

RELEASED: Mapping[str, tuple[str, Mode, Signal]] = {
    "trace2skill-xlsx-122B-combined": ("122B", "deepening", "combined"),
    "trace2skill-xlsx-35B-combined": ("35B", "deepening", "combined"),
    "xlsx-122B": ("122B", "creation", "error"),
    "xlsx-35B": ("35B", "creation", "error"),
}
"""What the four released skill folders are, by the paper's account of them."""
SEED_SKILLS: Mapping[str, tuple[Mode, Mode]] = {
    "xlsx": ("human-written", "deepening"),
    "xlsx-basic": ("parametric", "creation"),
}
"""The bundled stand-ins: what each stands for, and the mode of what evolves from it."""
CREATED = ("math", "docvqa")
"""Benchmarks on which the paper only has skills that were created, from a draft of no effect."""
SIGNALS: Mapping[str, Signal] = {signal: signal for signal in get_args(Signal)}
MERGE_BATCH = 32
EMBEDDING = "Qwen3-Embedding-8B"
OWN_SEED = "the seed skill is this toolkit's own {}, not the paper's"


class Unmatched(Exception):
    """Why a run stands beside no row of the paper."""


@dataclass(frozen=True)
class Origin:
    """Where the run's skill comes from, in the paper's terms."""

    mode: Mode | None
    """None for a system that has no skill of a kind."""
    author: str | None = None
    signal: Signal | None = None
    method: str = ""
    """How it was evolved, where not in parallel: as the paper names it."""
    analyst: str = ""
    """agentic or single call, as the reports behind error lessons show; empty if they do not."""
    deviations: tuple[str, ...] = ()


def origin_of(entrant: Entrant, dataset: Domain[Any]) -> Origin:
    view = entrant.first.view
    noted = view.settings.get("skill")
    if memory := view.settings.get("memory"):
        if noted:
            raise Unmatched("a memory beside a skill is none of the paper's")
        return _remembered(memory)
    if view.agent == "cli_only":
        return Origin("no skill")
    wanted = mapping(noted).get("digest")
    if view.agent != "cli_skill_preloaded" or not wanted:
        raise Unmatched(f"agent {view.agent or 'not noted'} is none of the paper's")
    for name, (mode, _) in SEED_SKILLS.items():
        if (SKILLS / name).is_dir() and Skill.load(SKILLS / name).digest == wanted:
            return Origin(mode, deviations=(OWN_SEED.format(name),))
    return _released(wanted) or _evolved(provenance_of(entrant, wanted), dataset)


def _remembered(memory: Mapping[str, Any]) -> Origin:
    """The baseline ReasoningBank, by what its run noted of the bank."""
    writers = {model_size(str(name), "writer of the bank") for name in memory["written_by"]}
    if len(writers) != 1:
        raise Unmatched("its bank was written by several models")
    ((author, apart),) = writers
    found = memory.get("embedding_model")
    by = f"by vectors of {found}" if found else "by common words, without vectors"
    deviations = (
        *apart,
        "notes and reminder: this toolkit's prompts, not ReasoningBank's",
        *([] if _plain(found) == EMBEDDING else [f"tasks found {by}, the paper's by {EMBEDDING}"]),
    )
    signal = SIGNALS[memory["lessons"]]
    return Origin(None, author, signal, "ReasoningBank", deviations=deviations)


def _plain(name: object) -> str:
    return str(name or "").rsplit("/", 1)[-1]


def _released(wanted: str) -> Origin | None:
    """The paper's own skill, as `trace2skill data fetch-released` noted it."""
    lock = Path(RELEASED_SKILLS) / LOCK
    folders = read_record(Pins, lock).folders if lock.is_file() else {}
    for name, (author, mode, signal) in RELEASED.items():
        if folders.get(name) == wanted:
            return Origin(mode, author, signal, analyst="agentic")
    return None


def provenance_of(entrant: Entrant, wanted: str) -> Provenance:
    """The history of its skill, which had the digest `wanted`. Raises Unmatched."""
    name = entrant.first.view.skill
    root = Path(str(entrant.first.view.environment.get("skills_dir", "")))
    folder = root if (root / SKILL_FILE).is_file() else root / name
    if not (folder / SKILL_FILE).is_file():
        raise Unmatched(f"the skill {name} is no longer at {folder}")
    skill = Skill.load(folder)
    if skill.digest != wanted:
        raise Unmatched(f"{folder} has changed since the run")
    provenance = previous(folder, skill)
    if provenance is None:
        raise Unmatched(f"where the skill {folder} comes from is not noted beside it")
    return provenance


def _evolved(provenance: Provenance, dataset: Domain[Any]) -> Origin:
    signal = SIGNALS.get(str(provenance.settings.get("lessons")))
    if signal is None:
        raise Unmatched("its skill's history does not say which lessons it was evolved from")
    author, apart = model_size(str(provenance.settings.get("model", "")), "author model")
    seeds = {files_digest(Skill.load(SKILLS / name).files): name for name in SEED_SKILLS}
    seed = seeds.get(files_digest(provenance.base))
    mode: Mode | None = SEED_SKILLS[seed][1] if seed else None
    if dataset.name in CREATED:
        mode = "creation"
    if mode is None:
        raise Unmatched("the seed of its skill is none that is known")
    deviations = (
        *apart,
        OWN_SEED.format(seed) if seed else "the seed skill is a draft that the paper does not have",
        *_evolution_apart(provenance, author),
        *_teaching_apart(provenance, dataset),
    )
    method, analyst = _method(provenance), _analyst(provenance)
    return Origin(mode, author, signal, method, analyst, deviations)


def _teaching_apart(provenance: Provenance, dataset: Domain[Any]) -> list[str]:
    """Lessons must not come from the tasks that the skill is tried on."""
    taught = {run.task or run.key for run in provenance.runs.values()}
    stop = 200 if len(dataset.tasks) == 400 else None
    if dataset.name in CREATED and dataset.halves:  # a set of its own may have taught
        stop = dataset.halves[0].stop
        taught &= {task.id for task in dataset.tasks}
    others = taught - {task.id for task in dataset.tasks[:stop]}
    return [f"lessons from {len(others)} tasks outside rows 0:{stop}"] if others and stop else []


def _evolution_apart(provenance: Provenance, author: str) -> list[str]:
    noted = provenance.settings
    apart = ["analysts and evolver: this toolkit's prompts, not the released words"]
    merged, codec = noted.get("merge_batch_size"), noted.get("codec")
    if merged != MERGE_BATCH and not _method(provenance):
        said = "not noted" if merged is None else merged
        apart.append(f"merge batch {said}, the paper's {MERGE_BATCH} (its code's default 5)")
    if codec != "json":
        apart.append(f"patches in {codec}, the paper's in json")
    heat = mapping(noted.get("sampling")).get("temperature")
    said = "not noted" if heat is None else heat
    apart.append(f"evolver's temperature {said}, the paper's 1.0, its code sends 0.6")
    others = {run.model for run in provenance.runs.values() if not _is(run.model, author)}
    if others:
        named = ", ".join(sorted(other or "not noted" for other in others))
        apart.append(f"lessons by {named}, the paper's by the author itself")
    if provenance.evolutions > 1:
        apart.append(f"evolved {provenance.evolutions} times, the paper's once")
    if provenance.reverted:
        apart.append(f"{len(provenance.reverted)} lessons were taken out again")
    return apart


def _method(provenance: Provenance) -> str:
    if provenance.settings.get("mode") != "sequential":
        return ""
    return f"sequential B={provenance.settings.get('batch_size')}"


def _is(model: str, size: str) -> bool:
    try:
        return model_size(model, "model")[0] == size
    except Unmatched:
        return False


def _analyst(provenance: Provenance) -> str:
    names = {Path(run.report).name for run in provenance.runs.values() if run.kind == "error"}
    if names == {REPORT}:
        return "agentic"
    single = names and all(name.startswith(report_prefix("error")) for name in names)
    return "single call" if single else ""


def model_size(name: str, what: str) -> tuple[str, tuple[str, ...]]:
    """122B or 35B; a variant of the paper's model (a quantised one, say) is a deviation."""
    plain = name.rsplit("/", 1)[-1].lower()
    for size, full in paper.MODELS.items():
        if plain == full:
            return size, ()
        if plain.startswith((f"{full}-", f"{full}_", f"{full}:")):
            return size, (f"{what} {name}, a variant of the paper's {full}",)
    raise Unmatched(f"{what} {name or 'not noted'} is none of the paper's Qwen3.5 models")

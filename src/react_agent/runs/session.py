"""One start of the rollouts: from settings to runs and their cases."""

import contextlib
import os
import platform
import random
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from react_agent.cluster.staff import staffed
from react_agent.engines.bench import Bench
from react_agent.errors import ContractError
from react_agent.filenames import case_folder
from react_agent.files import digest
from react_agent.flags import as_argv
from react_agent.layout import of_seed, seed_name
from react_agent.lock import only_starts
from react_agent.runs.case_queue import CaseQueue
from react_agent.runs.casework import Assignment, RolloutSite
from react_agent.runs.folder import CaseResult, RunFolder
from react_agent.runs.places import Run, RunPlace, Session
from react_agent.runs.settings import CaseChoice, Rollouts
from react_agent.sandbox.orphans import end_strays
from react_agent.seams import Case, Domain
from react_agent.skills import MAIN, is_licence

SEED_LIMIT = 2**31


async def run(settings: Rollouts) -> Session:
    """Run what no earlier start has finished, as the settings say.

    Raises ContractError before anything is run when settings, data or an earlier run do not fit.
    """
    seeds = chosen_seeds(settings.cases)
    working = settings.working_dir or Path(tempfile.mkdtemp(prefix="trace2skill-"))
    settings = replace(settings, working_dir=working)
    workers = settings.agent.workers
    start = _Start(RolloutSite(settings))
    async with start.site.open() as bench:
        subs = [() if len(seeds) == 1 or seed is None else (seed_name(seed),) for seed in seeds]
        outputs = [settings.output_dir.joinpath(*sub) for sub in subs]
        with only_starts([*outputs, start.site.working, start.site.logs]):
            for seed, sub in zip(seeds, subs, strict=True):
                start.session.runs.append(start.run(bench, seed, sub))
            end_strays(start.site.working)
            async with staffed(
                settings.executor, start.site.model, start.site, bench, workers
            ) as staff:
                queue = CaseQueue(start.session, start.site.domain, settings, staff)
                await queue.run(start.cases)
    return start.session


class _Start:
    """The chosen tasks, and the opened run of every seed."""

    def __init__(self, site: RolloutSite) -> None:
        self.site, chosen, domain = site, site.settings.cases, site.domain
        tasks = domain.select(
            start=chosen.start_idx,
            end=chosen.end_idx,
            ids=chosen.instance_ids,
            shuffle_seed=chosen.shuffle_seed,
            sample=chosen.sample,
        )
        if not tasks:
            raise ContractError(f"{domain.source}: the flags choose no task of {len(domain.tasks)}")
        self.session = Session(tasks=[(task.id, task.instruction) for task in tasks])
        self.cases = _lay_out(site.domain, self.session, site.settings.output_dir)

    def run(
        self, bench: Bench[Assignment, CaseResult], seed: int | None, sub: Sequence[str]
    ) -> Run:
        """One seed's run, its folder opened. Raises ContractError when it cannot go on."""
        site, settings = self.site, self.site.settings
        environment = {**_environment(site), **bench.environment, "cases": len(self.cases)}
        output_dir = settings.output_dir.joinpath(*sub)
        results = settings.results_file
        if results and sub and seed is not None:
            results = of_seed(results, seed)
        folder = RunFolder(output_dir, results)
        folder.open(
            {**bench.settings, "seed": seed},
            environment,
            overwrite=settings.overwrite,
            outputs=_outputs(site.domain, output_dir),
            found=self._found(output_dir) if settings.cases.missing_only else None,
        )
        header = {"agent_name": site.kind.name, "model": site.model.model, "seed": seed}
        working, logs = site.working.joinpath(*sub), site.logs.joinpath(*sub)
        return Run(RunPlace(seed, output_dir, working, logs, header), folder)

    def _found(self, output_dir: Path) -> Iterator[CaseResult]:
        """Tasks whose outputs all lie here, from a run that left no record of its cases."""
        places = [(case, self.site.domain.output_path(case, output_dir)) for case in self.cases]
        missing = {c.task_id for c, place in places if not place.is_file() or place.is_symlink()}
        for case, place in places:
            if case.task_id not in missing:
                yield CaseResult(
                    id=case.task_id,
                    input_file=case.input_name,
                    output_file=str(place.relative_to(output_dir)),
                    status="completed",
                    success=True,
                    output_digest=digest(place.read_bytes()),
                )


def _lay_out(domain: Domain[Any], session: Session, output_dir: Path) -> list[Case]:
    """The cases of all tasks; a task without folder or input, or whose files would lie where they
    must not, is a problem, not a crash."""
    cases: list[Case] = []
    taken: dict[Path | str, str] = {}
    for task_id, _ in session.tasks:
        try:
            found = domain.cases(task_id)
            wanted = _wanted(domain, found, output_dir)
            if others := [other for place in wanted if (other := taken.get(place))]:
                raise ContractError(
                    f"task {task_id}: its files would lie where {others[0]} has its"
                )
        except (ContractError, OSError) as error:
            session.problems[task_id] = str(error)
        else:
            taken |= dict.fromkeys(wanted, f"task {task_id}")
            cases += found
    return cases


def _wanted(domain: Domain[Any], cases: Sequence[Case], output_dir: Path) -> list[Path | str]:
    """The outputs and working folders of a task. Raises ContractError for one that leads out."""
    wanted: list[Path | str] = [case_folder(case.task_id, case.name) for case in cases]
    for case in cases:
        path = Path(os.path.normpath(domain.output_path(case, output_dir)))
        if Path(os.path.normpath(output_dir)) not in path.parents:
            raise ContractError(f"task {case.task_id}: its output would lie outside of the outputs")
        wanted.append(path)
    return wanted


def _outputs(domain: Domain[Any], output_dir: Path) -> list[Path]:
    """Where the results of all tasks of the data set belong, chosen or not."""
    found: list[Path] = []
    for task in domain.tasks:
        with contextlib.suppress(ContractError):
            cases = domain.cases(task.id)
            found += [place for c in cases for place in domain.output_places(c, output_dir)]
    return found


def _environment(site: RolloutSite) -> dict[str, Any]:
    """What may differ between two starts of one run, but helps to explain a difference."""
    names = ("trace2skill-toolkit", "openpyxl", "pandas", "betteroffice-xlsx", "openai")
    versions = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):  # a clone need not be installed
            versions[name] = metadata.version(name)
    # Without the endpoint's address, which may hold a key; it stands apart, cleaned of that.
    given = site.settings
    nameless = replace(
        given,
        model=replace(given.model, base_url=None),
        memory=replace(given.memory, embedding_base_url=None),
    )
    return {
        "command": shlex.join(["trace2skill", "run", *as_argv(nameless)]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
        "workers": site.settings.agent.workers,
        "data_path": str(site.settings.data_path),
        "skills_dir": str(site.skills_dir or ""),
        "skill_files": _to_open(site),
        "prompts": str(site.settings.agent.prompts or ""),
    }


def _to_open(site: RolloutSite) -> list[str]:
    """Files of the skill that its agent has to open to know them."""
    skill = site.skill
    names = [*skill.files, *skill.other_files] if skill else []
    known = {MAIN} if site.kind.preloads else set()
    return sorted(name for name in names if name not in known and not is_licence(name))


def chosen_seeds(cases: CaseChoice) -> list[int | None]:
    """The same list at every start, so that a run of drawn seeds can be gone on with.

    `seeds` wins. Raises ContractError when the other two ways to name seeds are mixed.
    """
    if cases.repeat > 1 and cases.num_random_seeds > 1:
        raise ContractError("--repeat and --num_random_seeds exclude each other")
    if len(set(cases.seeds)) != len(cases.seeds):
        raise ContractError("--seeds names a seed twice")
    if cases.seeds:
        return list(cases.seeds)
    if cases.repeat > 1:
        return list(range(cases.repeat))
    if cases.num_random_seeds > 1:
        return list(random.Random(0).sample(range(SEED_LIMIT), cases.num_random_seeds))
    return [None]

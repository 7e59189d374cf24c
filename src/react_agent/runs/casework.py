"""One case from its input to all it leaves but the line that it is done, on any machine."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from react_agent.engines.bench import Bench
from react_agent.errors import ContractError, ModelError, Trace2SkillError
from react_agent.filenames import case_folder, file_name, neutral_folder
from react_agent.files import check_room, digest, refuses_writes
from react_agent.gateway.server import AgentsOnly, Gateway
from react_agent.harnesses.equipment import AgentKind, Choice, Equipment
from react_agent.layout import LOGS
from react_agent.memory.recall import Memory, open_memory
from react_agent.models.connect import Connection, Shared
from react_agent.models.settings import ModelSettings
from react_agent.registry import DOMAINS, HARNESSES, find
from react_agent.runs.folder import CaseResult, now
from react_agent.runs.logs import Log, LogName, check_name, write_log
from react_agent.runs.places import RunPlace
from react_agent.runs.settings import DOMAIN, Rollouts
from react_agent.sandbox import trees
from react_agent.sandbox.agent_python import choose_python
from react_agent.sandbox.door import Sandbox, open_sandbox, tool_slots
from react_agent.sandbox.office import office_version
from react_agent.seams import Case, Domain, Harness, Trajectory
from react_agent.skills import Skill, find_skill
from react_agent.templates import Prompts
from react_agent.threads import in_thread, to_the_end

log = logging.getLogger(__name__)

MAX_ANSWER = 2_000
"""Characters of the agent's last words that results.json keeps; the log has them all."""


@dataclass(frozen=True)
class Assignment:
    """One case of one seed's run."""

    place: RunPlace
    case: Case
    several: bool
    """The task has further inputs, so that the log's name has to say which this was."""
    fingerprint: str
    no_output: str = "no output"

    def result(self, trajectory: Trajectory, output: Path | None = None) -> CaseResult:
        return CaseResult(
            id=self.case.task_id,
            input_file=self.case.input_name,
            output_file=str(output.relative_to(self.place.output_dir)) if output else None,
            status=trajectory.status,
            success=output is not None,
            error=trajectory.error or (None if output else self.no_output),
            agent_answer=trajectory.answer[-MAX_ANSWER:],
            turns=trajectory.turns,
            usage=trajectory.usage,
            seconds=round(trajectory.seconds, 3),
            fingerprint=self.fingerprint,
            output_digest=digest(output.read_bytes()) if output else "",
            folder_seen=neutral_folder(self.case.task_id, self.case.name),
            finished_at=now(),
        )


class RolloutSite:
    """What the settings of a start name: benchmark, agent, prompts, skill, folders.

    Elsewhere it is read anew."""

    def __init__(self, settings: Rollouts) -> None:
        agent = settings.agent
        self.settings = settings
        self.domain: Domain[Any] = find(DOMAINS, "--domain", settings.domain)(settings.data_path)
        choice = Choice(agent.agent, agent.command or "", agent.skill_offer)
        self.kind: AgentKind = find(HARNESSES, "--harness", agent.harness)(choice)
        check_name(self.kind.name)
        self.prompts = task_prompts(self.domain, agent.prompts)
        self.skill = self._skill() if self.kind.with_skill else None
        assert settings.working_dir, "of a start that has begun"
        self.working = settings.working_dir.resolve()
        self.logs = settings.log_dir or settings.output_dir / LOGS

    def __reduce__(self) -> tuple[type["RolloutSite"], tuple[Rollouts]]:
        return RolloutSite, (self.settings,)

    @property
    def skills_dir(self) -> Path | None:
        return self.settings.agent.skills_dir or self.domain.skills

    @property
    def folders(self) -> Sequence[Path]:
        return self.settings.output_dir, self.working, self.logs

    def with_tool_slots(self, slots: int) -> "RolloutSite":
        agent = self.settings.agent
        agent = replace(agent, tool_slots=agent.tool_slots or slots)
        return RolloutSite(replace(self.settings, agent=agent))

    def _skill(self) -> Skill:
        if self.skills_dir is None:
            raise ContractError(
                f"--domain {self.settings.domain} brings no skill; give --skills_dir, or an "
                "--agent without a skill"
            )
        return find_skill(self.skills_dir, self.settings.agent.skill)

    @property
    def model(self) -> ModelSettings:
        """An agent that asks none of ours is noted under its own name, not under a model's."""
        model = self.settings.model
        if self.kind.with_model:
            return model
        nowhere = "http://127.0.0.1:1"
        return replace(model, model=self.kind.name, base_url=nowhere, api_key="EMPTY", replay=None)

    @asynccontextmanager
    async def open(
        self, shared: Shared | None = None
    ) -> AsyncIterator[Bench[Assignment, CaseResult]]:
        agent, skill, protocol = self.settings.agent, self.skill, self.kind.protocol
        asked_for = skill.packages if skill else ()
        python = choose_python(
            agent.agent_python, self.domain.packages, agent.agent_packages, asked_for
        )
        sandbox = open_sandbox(agent.sandbox, slots=tool_slots(agent.tool_slots), python=python)
        masks = {"<work>": self.working, **({"<skill>": skill.root.resolve()} if skill else {})}
        async with (
            Connection(
                self.model,
                workers=agent.workers,
                folders=self.folders,
                masks={name: str(folder) for name, folder in masks.items()},
                shared=shared,
                transport=AgentsOnly() if protocol else None,
            ) as connection,
            Gateway(protocol, self.model, connection) if protocol else nullcontext() as gateway,
            open_memory(self.settings.memory, self.settings.model) as memory,
        ):
            asked = gateway or connection
            described = asked.describe() if self.kind.with_model else {"model": self.kind.name}
            address = described.pop("endpoint", None)  # a server that moved is the same model
            settings = {**self._described(sandbox), "model": described}
            if memory:
                settings["memory"] = dict(memory.described)
            worker = CaseWorker(self, sandbox, connection, gateway, memory)
            yield Bench(worker.work, settings, connection.stats, {"endpoint": address})

    def _described(self, sandbox: Sandbox) -> dict[str, Any]:
        """All that decides a result; what is usual is left out where runs once had no such thing,
        so that they can be gone on with."""
        settings, agent, skill = self.settings, self.settings.agent, self.skill
        chosen = {
            "domain": (settings.domain, DOMAIN),
            "harness": (agent.harness, "react"),
            "case_timeout": (agent.case_timeout, None),
        }
        return {
            "agent": agent.agent,
            "prompts": edition(self.domain, self.prompts),
            "skill": {"name": skill.name, "digest": skill.digest} if skill else None,
            "dataset": digest(self.domain.source.read_bytes()),
            "max_turns": agent.max_turns,
            "sandbox": sandbox.kind,
            "agent_python": sandbox.python.described,
            "libreoffice": office_version(),
            **{name: value for name, (value, usual) in chosen.items() if value != usual},
            **self.kind.settings,
        }


def task_prompts(domain: Domain[Any], folder: Path | None) -> Prompts:
    """The benchmark's, or with a user's templates in place of some.

    Raises ContractError as Prompts does.
    """
    return Prompts(domain.prompts, "react_agent", folder=folder)


def edition(domain: Domain[Any], prompts: Prompts) -> dict[str, str]:
    """Part of a run's settings: which prompts speak."""
    parts = digest(*(part for item in prompts.sources().items() for part in item))
    return {"edition": "own" if prompts.folder else domain.edition, "digest": parts}


class CaseWorker:
    """Runs cases of all seeds over one connection and one sandbox."""

    def __init__(
        self,
        site: RolloutSite,
        sandbox: Sandbox,
        connection: Connection,
        gateway: Gateway | None,
        memory: Memory | None,
    ) -> None:
        self.site, self.sandbox, self.memory = site, sandbox, memory
        self.connection, self.gateway = connection, gateway
        self.reminded: dict[str, str] = {}
        """Of which earlier task, by task."""
        self.domain = site.domain
        self.crashed = False
        self._harnesses: dict[int | None, Harness] = {}

    async def work(self, given: Assignment) -> CaseResult:
        """Run one case and write its workbook and its log. Raises ModelError as `_trajectory`."""
        case, place = given.case, given.place
        folder = place.working_dir / neutral_folder(case.task_id, case.name)
        published = place.working_dir / case_folder(case.task_id, case.name)
        await in_thread(trees.remove, published)  # of an attempt that is made again
        trajectory = await self._trajectory(self._harness(place), given, folder)
        result = await to_the_end(partial(self._write_down, given, trajectory, folder))
        if folder.exists():
            folder.rename(published)
        return result

    def _write_down(self, given: Assignment, trajectory: Trajectory, folder: Path) -> CaseResult:
        """All that waits for the disk, and so not on the event loop."""
        case, place, output = given.case, given.place, None
        try:
            output = self.domain.collect(case, folder, place.output_dir)
        except ContractError as error:  # a link, a device, a file without end: the agent's doing
            trajectory.error = str(error)
        except OSError as error:  # where the output belongs lies something else, say
            if refuses_writes(error):
                raise
            trajectory.status, trajectory.error = "crash", str(error)
        result = given.result(trajectory, output)
        name = LogName(self._harness(place).name, case.task_id, case.name if given.several else "")
        rows = {**self._rows(given, result), **trajectory.rows}
        title = f"{name.agent} on {file_name(case.task_id)} ({file_name(case.name)})"
        written = Log(tuple(trajectory.messages), rows, title)
        path = write_log(place.log_dir, name, written, self.site.settings.log_format)
        return result.model_copy(update={"log_file": str(path)})

    def _rows(self, given: Assignment, result: CaseResult) -> dict[str, Any]:
        """What the head of the log says."""
        case, reminded = given.case, self.reminded.get(given.case.task_id)
        return {
            "task": case.task_id,
            **({"case": case.name} if given.several else {}),
            "input_file": result.input_file,
            "model": given.place.header["model"],
            "seed": given.place.seed,
            **({} if reminded is None else {"memory": reminded or "none"}),
            "timestamp": result.finished_at,
            "success": result.success,
            "status": result.status,
            "turns": result.turns,
            "error": result.error,
            "seconds": result.seconds,
            "usage": result.usage.model_dump(),
        }

    def _harness(self, place: RunPlace) -> Harness:
        seed = place.seed
        if seed not in self._harnesses:
            site, agent = self.site, self.site.settings.agent
            equipment = Equipment(
                model=self.connection.model(seed=seed),
                sandbox=self.sandbox,
                prompts=site.prompts,
                skill=site.skill,
                max_turns=agent.max_turns,
                seconds=agent.case_timeout,
                hide=(site.domain.root, site.settings.output_dir, site.logs, site.working),
                gateway=self.gateway,
                records=place.output_dir,
            )
            self._harnesses[seed] = site.kind.open(equipment)
        return self._harnesses[seed]

    async def _trajectory(self, harness: Harness, given: Assignment, folder: Path) -> Trajectory:
        """Raises ModelError when the endpoint refuses every request, and OSError on a full disk."""
        case = given.case
        try:
            for earlier in self.domain.output_places(case, given.place.output_dir):
                earlier.unlink(missing_ok=True)
            workspace = await in_thread(self.domain.prepare, case, folder)
            check_room(folder)
            if self.memory:
                recalled = await self.memory.recall(case.task)
                self.reminded[case.task_id] = recalled.source
                workspace = replace(workspace, memory=recalled.text)
            trajectory = await harness.run(workspace)
            check_room(folder)
            return trajectory
        except ModelError as error:
            if error.fatal:
                raise
            return Trajectory(status="infrastructure", error=str(error))
        except Exception as error:  # ours, not the agent's, and it costs this case only
            if refuses_writes(error):
                raise
            known = isinstance(error, Trace2SkillError)
            shown = self.crashed or known  # what hits every case is shown once
            log.error("case %s: %s", case.task_id, error, exc_info=not shown)
            self.crashed = True
            return Trajectory(status="crash", error=str(error) if known else repr(error))

"""One case from its input to all it leaves but the line that it is done, on any machine."""

import argparse
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from react_agent.cli import case_limit, model_settings, written
from react_agent.engines.bench import Bench
from react_agent.errors import ContractError, ModelError, Trace2SkillError
from react_agent.files import check_room, digest, refuses_writes
from react_agent.layout import LOGS
from react_agent.models.connect import Connection, Shared, connect
from react_agent.runs.folder import CaseResult, now
from react_agent.runs.logs import Log, LogName, write_log
from react_agent.sandbox.door import Sandbox, open_sandbox, tool_slots
from react_agent.seams import Trajectory
from react_agent.skills import find_skill
from react_agent.threads import in_thread, to_the_end
from spreadsheet_agent.agents import AGENTS, SpreadsheetAgent, agent_prompts, edition
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheet_agent.runs import RunPlace
from spreadsheetbench.tasks.dataset import Dataset, SheetCase

log = logging.getLogger(__name__)

MAX_ANSWER = 2_000
"""Characters of the agent's last words that results.json keeps; the log has them all."""


@dataclass(frozen=True)
class Assignment:
    """One case of one seed's run."""

    place: RunPlace
    case: SheetCase
    several: bool
    """The task has further inputs, so that the log's name has to say which this was."""
    fingerprint: str

    def result(self, trajectory: Trajectory, output: Path | None = None) -> CaseResult:
        return CaseResult(
            id=self.case.task_id,
            input_file=self.case.input_path.name,
            output_file=str(output.relative_to(self.place.output_dir)) if output else None,
            status=trajectory.status,
            success=output is not None,
            error=trajectory.error or (None if output else "no output workbook"),
            agent_answer=trajectory.answer[-MAX_ANSWER:],
            turns=trajectory.turns,
            usage=trajectory.usage,
            seconds=round(trajectory.seconds, 3),
            fingerprint=self.fingerprint,
            output_digest=digest(output.read_bytes()) if output else "",
            finished_at=now(),
        )


class RolloutSite:
    """What the flags of a start name: data, agent, prompts, skill, folders.

    Elsewhere it is read anew."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.dataset = Dataset.load(args.data_path)
        self.domain = SpreadsheetDomain(self.dataset)
        self.kind = AGENTS[args.agent]
        self.prompts = agent_prompts(args.prompts)
        self.skill = find_skill(args.skills_dir, args.skill) if self.kind.with_skill else None
        self.working: Path = args.working_dir.resolve()
        self.logs: Path = args.log_dir or args.output_dir / LOGS

    def __reduce__(self) -> tuple[type["RolloutSite"], tuple[argparse.Namespace]]:
        return RolloutSite, (self.args,)

    @property
    def folders(self) -> Sequence[Path]:
        return self.args.output_dir, self.working, self.logs

    def with_tool_slots(self, slots: int) -> "RolloutSite":
        args = argparse.Namespace(
            **{**vars(self.args), "tool_slots": self.args.tool_slots or slots}
        )
        return RolloutSite(args)

    def _connect(self, masks: Mapping[str, str], shared: Shared | None) -> Connection:
        settings, folders = model_settings(self.args), written(self.args)
        workers = self.args.workers
        return connect(settings, workers=workers, folders=folders, masks=masks, shared=shared)

    @asynccontextmanager
    async def open(
        self, shared: Shared | None = None
    ) -> AsyncIterator[Bench[Assignment, CaseResult]]:
        sandbox = open_sandbox(self.args.sandbox, slots=tool_slots(self.args.tool_slots))
        skill = {"<skill>": str(self.skill.root.resolve())} if self.skill else {}
        masks = {"<work>": str(self.working), **skill}
        async with self._connect(masks, shared) as connection:
            described = connection.describe()
            address = described.pop("endpoint", None)  # a server that moved is the same model
            settings = {**self._settings(sandbox), "model": described}
            worker = CaseWorker(self, sandbox, connection)
            yield Bench(worker.work, settings, connection.stats, {"endpoint": address})

    def _settings(self, sandbox: Sandbox) -> dict[str, Any]:
        skill = self.skill
        return {
            "agent": self.args.agent,
            "prompts": edition(self.prompts),
            "skill": {"name": skill.name, "digest": skill.digest} if skill else None,
            "dataset": digest(self.dataset.path.read_bytes()),
            "max_turns": self.args.max_turns,
            "sandbox": sandbox.kind,
            **case_limit(self.args),
        }


class CaseWorker:
    """Runs cases of all seeds over one connection and one sandbox."""

    def __init__(self, site: RolloutSite, sandbox: Sandbox, connection: Connection) -> None:
        self.site, self.sandbox, self.connection = site, sandbox, connection
        self.domain = site.domain
        self.crashed = False
        self._harnesses: dict[int | None, SpreadsheetAgent] = {}

    async def work(self, given: Assignment) -> CaseResult:
        """Run one case and write its workbook and its log. Raises ModelError as `_trajectory`."""
        case, place = given.case, given.place
        folder = place.working_dir / f"{case.task_id}_{case.name}"
        harness = self._harness(place.seed)
        for earlier in self.domain.output_places(case, place.output_dir):
            earlier.unlink(missing_ok=True)
        trajectory = await self._trajectory(harness, case, folder)
        return await to_the_end(partial(self._write_down, given, trajectory, folder))

    def _write_down(self, given: Assignment, trajectory: Trajectory, folder: Path) -> CaseResult:
        """All that waits for the disk, and so not on the event loop."""
        case, place, output = given.case, given.place, None
        try:
            output = self.domain.collect(case, folder, place.output_dir)
        except ContractError as error:  # a link, a device, a file without end: the agent's doing
            trajectory.error = str(error)
        result = given.result(trajectory, output)
        name = self._harness(place.seed).name
        log_name = LogName(name, case.task_id, case.name if given.several else "")
        written = _log(place.header, name, case, trajectory, result)
        path = write_log(place.log_dir, log_name, written, self.site.args.log_format)
        return result.model_copy(update={"log_file": str(path)})

    def _harness(self, seed: int | None) -> SpreadsheetAgent:
        if seed not in self._harnesses:
            site = self.site
            self._harnesses[seed] = SpreadsheetAgent(
                site.kind,
                self.connection.model(seed=seed),
                self.sandbox,
                prompts=site.prompts,
                skill=site.skill,
                max_turns=site.args.max_turns,
                seconds=site.args.case_timeout,
                hide=[site.dataset.root, site.args.output_dir, site.logs, site.working],
            )
        return self._harnesses[seed]

    async def _trajectory(
        self, harness: SpreadsheetAgent, case: SheetCase, folder: Path
    ) -> Trajectory:
        """Raises ModelError when the endpoint refuses every request, and OSError on a full disk."""
        try:
            workspace = await in_thread(self.domain.prepare, case, folder)
            check_room(folder)
            trajectory = await harness.run(workspace)
            check_room(folder)
            return trajectory
        except ModelError:
            raise
        except Exception as error:  # ours, not the agent's, and it costs this case only
            if refuses_writes(error):
                raise
            known = isinstance(error, Trace2SkillError)
            shown = self.crashed or known  # what hits every case is shown once
            log.error("case %s: %s", case.task_id, error, exc_info=not shown)
            self.crashed = True
            return Trajectory(status="crash", error=str(error) if known else repr(error))


def _log(
    header: Mapping[str, Any],
    agent: str,
    case: SheetCase,
    trajectory: Trajectory,
    result: CaseResult,
) -> Log:
    rows = {
        "task": case.task_id,
        "input_file": result.input_file,
        "model": header["model"],
        "seed": header["seed"],
        "timestamp": result.finished_at,
        "success": result.success,
        "status": result.status,
        "turns": result.turns,
        "error": result.error,
        "seconds": result.seconds,
        "usage": result.usage.model_dump(),
    }
    return Log(tuple(trajectory.messages), rows, f"{agent} on {case.task_id} ({case.name})")

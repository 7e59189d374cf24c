"""Which runs an analysis is about: every log of a folder is either a subject or left out, with why.

The counts of a summary add up to the number of trajectories because nothing leaves this list.
"""

import logging
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from analysis.lessons.records import instance_id
from react_agent.errors import ContractError
from react_agent.evidence import UNKNOWN
from react_agent.layout import seed_folders, seed_of
from react_agent.runs.logs import Log, LogName, find_logs, read_log, read_result
from react_agent.seams import REFUSED

log = logging.getLogger(__name__)

Wanted = Literal["FAILED", "SUCCEED", "ALL"]
Reason = Literal[
    "not failed",
    "not succeeded",
    "no verdict",
    "infrastructure",
    "refused",
    "two verdicts",
    "not selected",
    "unreadable log",
    "counted, not analysed",
    "not compared",
]
"""Why a trajectory reaches no analyst."""


@dataclass(frozen=True)
class Subject:
    """One run to analyse."""

    name: LogName
    path: Path
    seed: int | None = None
    """Set when several seeds are analysed together."""
    rival: Path | None = None
    """The log of a run that solved the same case, to be looked at beside this one."""

    def __getstate__(self) -> dict[str, Any]:
        """Without the log, which another process reads for itself."""
        return {"name": self.name, "path": self.path, "seed": self.seed, "rival": self.rival}

    @cached_property
    def instance(self) -> str:
        return instance_id(self.name.task_id, self.name.case, self.seed)

    @property
    def failed(self) -> bool:
        return self.name.tag != "SUCCEED"

    @property
    def judged(self) -> bool:
        """Whether anybody knows if the run succeeded; of a user's session nobody does."""
        return self.name.tag is not None or self.log.result.get("outcome") != UNKNOWN

    @cached_property
    def log(self) -> Log:
        return read_log(self.path)


@dataclass(frozen=True)
class LeftOut:
    """A trajectory that no analyst sees."""

    instance: str
    trajectory: str
    reason: Reason
    detail: str = ""
    error_class: str = ""
    """Of one that is counted as support of its class."""


@dataclass(frozen=True)
class Selection:
    subjects: tuple[Subject, ...]
    left_out: tuple[LeftOut, ...]


def select(
    logs_dir: Path,
    wanted: Wanted,
    *,
    repeat: int = 1,
    instance_ids: Sequence[str] = (),
    named_any: bool = False,
    sample: int | None = None,
    shuffle_seed: int | None = None,
) -> Selection:
    """Sort the logs of a run (`repeat` > 1: of every `seed_*` folder) into subjects and others.

    `named_any` takes a run that `instance_ids` names whatever its verdict, or without one. `sample`
    takes the first so many, in the order of the names or as `shuffle_seed` mixes them. Raises
    ContractError when there are no logs, no verdicts, no log of any of the ids, or one run logged
    by two agents.
    """
    found = list(_all_logs(logs_dir, repeat))
    _refuse_two_agents(logs_dir, found)
    _know_ids(logs_dir, found, instance_ids)
    named = named_any and bool(instance_ids)
    if wanted != "ALL" and not named and not any(subject.name.tag for subject in found):
        raise ContractError(
            f"{logs_dir}: no log has a verdict in its name; run analyze_results.py first, or give "
            "--all for sessions, which nobody has judged"
        )
    subjects: list[Subject] = []
    left_out: list[LeftOut] = []
    twins: dict[str, list[str]] = defaultdict(list)
    for subject in found:
        twins[subject.instance].append(subject.path.name)
    for subject in found:
        known = twins[subject.instance]
        reason, detail = _reason(subject, known, "ALL" if named else wanted, instance_ids)
        if reason:
            left_out.append(LeftOut(subject.instance, str(subject.path), reason, detail))
        else:
            subjects.append(subject)
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(subjects)
    if sample is not None:
        left_out += [
            LeftOut(s.instance, str(s.path), "not selected", "not in the sample")
            for s in subjects[sample:]
        ]
        subjects = subjects[:sample]
    return Selection(tuple(subjects), tuple(left_out))


def contrasted(failed: Selection, solved: Selection, sample: int | None = None) -> Selection:
    """Of each case that some runs failed and others solved the first failed run, with the first
    solved one as its rival. Raises ContractError when there is no such case."""
    rivals: dict[tuple[str, str], Path] = {}
    for subject in solved.subjects:
        rivals.setdefault((subject.name.task_id, subject.name.case), subject.path)
    pairs: list[Subject] = []
    left_out = list(failed.left_out)
    for subject in failed.subjects:
        rival = rivals.pop((subject.name.task_id, subject.name.case), None)
        if rival and (sample is None or len(pairs) < sample):
            pairs.append(replace(subject, rival=rival))
        else:
            why = "not in the sample" if rival else "no further run that solved its case"
            left_out.append(LeftOut(subject.instance, str(subject.path), "not compared", why))
    if not pairs:
        raise ContractError(
            "--contrast: no case was solved by one seed and failed by another; nothing to compare"
        )
    return Selection(tuple(pairs), tuple(left_out))


def _all_logs(logs_dir: Path, repeat: int) -> list[Subject]:
    if not logs_dir.is_dir():
        raise ContractError(f"{logs_dir}: no such folder; give the run's log folder")
    folders: list[tuple[int | None, Path]] = [(None, logs_dir)]
    if repeat > 1:
        seeds = [(seed_of(folder), folder) for folder in seed_folders(logs_dir)]
        folders = [(int(seed), p) for seed, p in seeds if re.fullmatch(r"-?\d+", seed)]
        if not folders:
            raise ContractError(f"{logs_dir}: holds no seed_* folder, which --repeat asks for")
        if len(folders) != repeat:
            log.warning(
                "%s: all %d seeds are taken, --repeat says %d", logs_dir, len(folders), repeat
            )
    found = [
        Subject(name, path, seed) for seed, folder in folders for name, path in find_logs(folder)
    ]
    if not found:
        hint = "; its seed_* folders are analysed with --repeat" if seed_folders(logs_dir) else ""
        raise ContractError(f"{logs_dir}: holds no trajectory log{hint}")
    return found


def _refuse_two_agents(logs_dir: Path, found: Sequence[Subject]) -> None:
    """Their runs of one task would get one name; nobody could tell whose lesson it is."""
    agents: dict[str, str] = {}
    for subject in found:
        other = agents.setdefault(subject.instance, subject.name.agent)
        if other != subject.name.agent:
            raise ContractError(
                f"{logs_dir}: holds logs of {other} and of {subject.name.agent} for "
                f"{subject.instance}; analyse one agent's folder at a time"
            )


def _know_ids(logs_dir: Path, found: Sequence[Subject], ids: Sequence[str]) -> None:
    known = {name for subject in found for name in (subject.instance, subject.name.task_id)}
    unknown = [i for i in ids if i not in known]
    if unknown and len(unknown) == len(ids):
        raise ContractError(f"{logs_dir}: no log of {', '.join(unknown)}")
    if unknown:
        log.warning("%s: no log of %s; the others are taken", logs_dir, ", ".join(unknown))


def _reason(
    subject: Subject, twins: Sequence[str], wanted: Wanted, ids: Sequence[str]
) -> tuple[Reason | None, str]:
    if ids and not {subject.instance, subject.name.task_id} & set(ids):
        return "not selected", "not among --instance_ids"
    if len(twins) > 1:
        return "two verdicts", " and ".join(twins)
    chosen = wanted in ("ALL", subject.name.tag)
    try:
        run = subject.log if chosen else read_result(subject.path)
    except ContractError as error:
        return "unreadable log", str(error)
    if run.not_the_agent:
        how = str(run.status) if run.status else "the run has no result"
        return "infrastructure", f"{how}: {run.result.get('error') or ''}".rstrip(": ")
    if run.status == REFUSED and subject.name.tag is None:
        return "refused", str(run.result.get("error") or "")
    if chosen:
        return None, ""
    if subject.name.tag is None:
        return "no verdict", "run analyze_results.py"
    return ("not failed", "") if wanted == "FAILED" else ("not succeeded", "")

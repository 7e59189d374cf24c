"""The scoring of one run or of all its seeds, from settings to verdict files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from react_agent.errors import ContractError
from react_agent.files import write_json
from react_agent.layout import VERDICTS, seed_folders
from react_agent.registry import DOMAINS, find
from react_agent.runs.scoring import count_cases, score_run
from react_agent.runs.settings import DOMAIN
from react_agent.runs.verdicts import Evaluation, RepeatedEvaluation, combine
from react_agent.seams import Domain, Reading
from spreadsheetbench.scoring.settings import BookScoring, Scoring


@dataclass(frozen=True)
class Scored:
    """Verdicts by the folder that was scored, and where they were written."""

    evaluations: Mapping[Path, Evaluation]
    files: Mapping[Path, Path]
    combined: RepeatedEvaluation | None = None
    """Over the seeds, where there are several."""
    results_file: Path = field(default_factory=Path)


async def run(settings: Scoring) -> Scored:
    """Score, and write the verdicts. Raises ContractError where something does not fit."""
    if not settings.output_dir.is_dir():
        raise ContractError(f"{settings.output_dir}: no such output directory; nothing was scored")
    domain = open_domain(settings)
    ids, start, end = settings.instance_ids, settings.start_idx, settings.end_idx
    tasks = domain.select(start=start, end=end, ids=ids)
    if not tasks:
        raise ContractError(
            f"{domain.source}: no record between --start_idx {start} and --end_idx {end}; it "
            f"holds {len(domain.tasks)}"
        )
    several = settings.repeat > 1
    folders = _seed_folders(settings.output_dir) if several else [settings.output_dir]
    results_file = settings.results_file or settings.output_dir / VERDICTS
    files = {folder: folder / VERDICTS if several else results_file for folder in folders}
    for file in (results_file, *files.values()):
        _check_writable(file)
    evaluations: dict[Path, Evaluation] = {}
    with domain:
        for folder, file in files.items():
            total = count_cases(domain, tasks)
            with tqdm(total=total, desc=folder.name, unit="case", disable=None) as bar:
                evaluations[folder] = await score_run(domain, tasks, folder, bar.update)
            write_json(file, evaluations[folder].to_json())
    combined = None
    if several:
        combined = combine({folder.name: found for folder, found in evaluations.items()})
        write_json(results_file, combined.to_json())
    return Scored(evaluations, files, combined, results_file)


def open_domain(settings: Scoring) -> Domain[Any]:
    limits = settings.limits
    own = settings.domain == DOMAIN
    if not own and settings.rules != BookScoring():
        raise ContractError(
            f"--domain {settings.domain}: --rules, --recalculate, --recalc_engine, --engine and "
            f"--proof_cache are of {DOMAIN}"
        )
    scoring = settings.rules if own else None
    reading = Reading(limits.workers, limits.timeout, limits.memory, scoring)
    domain: Domain[Any] = find(DOMAINS, "--domain", settings.domain)(settings.data_path, reading)
    return domain


def _seed_folders(output_dir: Path) -> list[Path]:
    found = seed_folders(output_dir)
    if not found:
        raise ContractError(f"{output_dir}: holds no seed_* folder, which --repeat asks for")
    return found


def _check_writable(path: Path) -> None:
    """Before the scoring and not after it."""
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ContractError(f"{path}: cannot be written; see --results_file")

"""Runs written out for other tools."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from react_agent.errors import ContractError
from react_agent.files import write_whole
from reporting.exporting.atif import as_atif
from reporting.exporting.rows import (
    FILES,
    Row,
    TrajectoryRow,
    edits,
    lessons,
    trajectories,
    verdicts,
)
from reporting.exporting.settings import Export
from reporting.page.evolutionview import EvolutionView, find_evolved
from reporting.page.stage import names_of
from reporting.runs.runview import Problem, RunView, load_runs

ATIF = "atif"
MISSING = "Parquet needs pyarrow: pip install 'trace2skill-toolkit[parquet]', or leave parquet out"


@dataclass(frozen=True)
class Exported:
    """What was written."""

    rows: dict[str, int]
    """By file."""
    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    """Files that could not be used."""


def export(settings: Export) -> Exported:
    """Raises ContractError for what holds no run, and for Parquet without its library."""
    arrow = _arrow() if "parquet" in settings.formats else None
    runs = [run for path in settings.runs for run in load_runs(path)]
    for run in runs:
        if not run.task_ids:
            raise ContractError(f"{run.path}: holds no run: no results, verdicts or logs")
    tables, problems = _tables(settings, runs)
    files = []
    for name, rows in tables.items():
        if "jsonl" in settings.formats:
            lines = (json.dumps(r.model_dump(mode="json"), ensure_ascii=False) for r in rows)
            file = settings.to / f"{name}.jsonl"
            write_whole(file, "".join(f"{line}\n" for line in lines))
            files.append(file)
        if arrow:
            files.append(_parquet(arrow, settings.to / f"{name}.parquet", FILES[name], rows))
    if "atif" in settings.formats:
        files += _atif(settings.to / ATIF, tables["trajectories"])
    return Exported({n: len(rows) for n, rows in tables.items()}, tuple(files), tuple(problems))


def _tables(
    settings: Export, runs: Sequence[RunView]
) -> tuple[dict[str, Sequence[Row]], list[Problem]]:
    problems = [problem for run in runs for problem in run.problems]
    named = list(zip(names_of(runs), runs, strict=True))
    skill = settings.skill or find_evolved(runs)
    view = EvolutionView.load(skill) if skill else None
    problems += view.problems if view else ()
    tables: dict[str, Sequence[Row]] = {
        "trajectories": [row for n, run in named for row in trajectories(n, run, problems)],
        "verdicts": [row for name, run in named for row in verdicts(name, run)],
        "lessons": [row for name, run in named for row in lessons(name, run)],
        "edits": list(edits(view)) if view else [],
    }
    return tables, problems


def _atif(folder: Path, rows: Sequence[Row]) -> Iterator[Path]:
    for row in rows:
        assert isinstance(row, TrajectoryRow)
        parts = (row.run.replace("/", "_"), row.task_id, row.case)
        file = folder / ("_".join(filter(None, parts)) + ".json")
        write_whole(file, json.dumps(as_atif(row), ensure_ascii=False, indent=2) + "\n")
        yield file


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ContractError(MISSING) from None
    return pyarrow


def _parquet(arrow: Any, file: Path, kind: type[Row], rows: Sequence[Row]) -> Path:
    """Also an empty table has its columns."""
    schema = arrow.schema([(n, _type(arrow, f.annotation)) for n, f in kind.model_fields.items()])
    table = arrow.Table.from_pylist([row.model_dump(mode="json") for row in rows], schema=schema)
    sink = arrow.BufferOutputStream()
    arrow.parquet.write_table(table, sink, compression="zstd")
    write_whole(file, sink.getvalue().to_pybytes())
    return file


def _type(arrow: Any, hint: Any) -> Any:
    if get_origin(hint) is tuple:
        return arrow.list_(_type(arrow, get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return arrow.struct([(n, _type(arrow, f.annotation)) for n, f in hint.model_fields.items()])
    plain = {bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64()}
    kinds = [hint, *get_args(hint)]
    return next((plain[kind] for kind in kinds if kind in plain), arrow.string())

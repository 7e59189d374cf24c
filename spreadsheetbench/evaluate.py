"""The script that scores a run's outputs, by the rules of the released scorer or by others."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import (
    OK,
    add_flag,
    add_logging_flag,
    comma_list,
    positive,
    run_script,
    script_parser,
)
from react_agent.errors import ContractError
from react_agent.layout import VERDICTS, seed_folders

if TYPE_CHECKING:
    from spreadsheetbench.scoring.score import ScoringSettings
    from spreadsheetbench.scoring.verdicts import Evaluation
    from spreadsheetbench.tasks.dataset import Dataset, Task


EPILOG = """A result file holds the released scorer's fields with its values, and ours beside them.
Exit codes: 0 scored, whatever the scores; 2 a file, folder or flag is wrong; 130 interrupted."""


def main(argv: list[str] | None = None) -> int:
    return run_script(_run, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = script_parser("Score the outputs of a run against the gold workbooks.", EPILOG)
    add_flag(parser, "--data_path", type=Path, required=True, help="data set directory or index")
    add_flag(parser, "--output_dir", type=Path, required=True, help="output folder of the run")
    add_flag(
        parser,
        "--results_file",
        type=Path,
        default=argparse.SUPPRESS,
        help="where the verdicts go (default: <output_dir>/eval_official_results.json)",
    )
    add_flag(parser, "--start_idx", type=int, default=0, help="first record of the data set")
    add_flag(parser, "--end_idx", type=int, default=None, help="record to stop before")
    add_flag(parser, "--instance_ids", type=comma_list, default=[], help="only these tasks")
    add_flag(
        parser,
        "--repeat",
        type=positive,
        default=1,
        help="above 1: score every <output_dir>/seed_* and combine them",
    )
    group = parser.add_argument_group("rules")
    add_flag(
        group,
        "--rules",
        choices=["released", "upstream", "sheet-aware"],
        default="released",
        help="whose reading of positions and cells decides; differing tasks are always listed",
    )
    add_flag(
        group,
        "--recalculate",
        choices=["never", "uncached"],
        default="never",
        help="uncached: a second column, with formulas that hold no value calculated",
    )
    add_flag(
        group,
        "--recalc_engine",
        choices=["betteroffice", "formulon", "libreoffice"],
        default="betteroffice",
        help="what calculates them",
    )
    add_flag(
        group,
        "--engine",
        choices=["lazy", "openpyxl"],
        default="lazy",
        help="what reads files; openpyxl: the reference, slower by an order of magnitude",
    )
    add_flag(
        group,
        "--proof_cache",
        choices=["user", "off"],
        default="user",
        help="user: what was proven of packages is kept in ~/.cache/trace2skill for other runs",
    )
    group = parser.add_argument_group("limits")
    add_flag(group, "--workers", type=positive, default=None, help="processes; else one per core")
    add_flag(group, "--timeout", type=positive, default=120, help="seconds for one test case")
    add_flag(group, "--memory", type=positive, default=1536, help="megabytes for one test case")
    add_logging_flag(parser)
    return parser


def _run(args: argparse.Namespace) -> int:
    # Here and not above: reading workbooks takes more imports than --help has time for.
    from react_agent.engines.workers import WorkLimits
    from react_agent.files import write_json
    from spreadsheetbench.scoring.report import repeat_lines, summary_lines, task_lines
    from spreadsheetbench.scoring.score import ScoringSettings
    from spreadsheetbench.scoring.verdicts import combine
    from spreadsheetbench.tasks.dataset import Dataset

    if not args.output_dir.is_dir():
        raise ContractError(f"{args.output_dir}: no such output directory; nothing was scored")
    dataset = Dataset.load(args.data_path)
    tasks = dataset.select(start=args.start_idx, end=args.end_idx, ids=args.instance_ids)
    if not tasks:
        raise ContractError(
            f"{dataset.path}: no record between --start_idx {args.start_idx} and --end_idx "
            f"{args.end_idx}; it holds {len(dataset.tasks)}"
        )
    settings = ScoringSettings(
        rules=args.rules,
        engine=args.engine,
        proof_cache=args.proof_cache,
        recalculate=args.recalculate,
        recalc_engine=args.recalc_engine,
        workers=args.workers,
        limits=WorkLimits(seconds=args.timeout, memory_mb=args.memory),
    )
    folders = _seed_folders(args.output_dir) if args.repeat > 1 else [args.output_dir]
    results_file = getattr(args, "results_file", args.output_dir / VERDICTS)
    _check_writable(results_file)
    evaluations: dict[str, Evaluation] = {}
    for folder in folders:
        _check_writable(folder / VERDICTS)
    for folder in folders:
        evaluation = _evaluate(dataset, tasks, folder, settings)
        evaluations[folder.name] = evaluation
        target = folder / VERDICTS if args.repeat > 1 else results_file
        write_json(target, evaluation.to_json())
        lines = [*(task_lines(evaluation) if args.verbose else ())]
        lines += [*summary_lines(evaluation, str(folder)), f"Results saved to: {target}"]
        print("\n".join(lines))
    if args.repeat > 1:
        combined = combine(evaluations)
        write_json(results_file, combined.to_json())
        saved = f"Results saved to: {results_file}"
        print("\n".join([*repeat_lines(combined, args.repeat), saved]))
    return OK


def _evaluate(
    dataset: "Dataset", tasks: "list[Task]", folder: Path, settings: "ScoringSettings"
) -> "Evaluation":
    from tqdm import tqdm

    from spreadsheetbench.scoring.score import evaluate

    total = sum(len(_golds(dataset, task)) for task in tasks if task.answer_position)
    with tqdm(total=total, desc=folder.name, unit="case", disable=None) as bar:
        return evaluate(dataset, tasks, folder, settings, done=bar.update)


def _golds(dataset: "Dataset", task: "Task") -> list[Path]:
    try:
        return dataset.golds(task)
    except ContractError:  # becomes an error of that task in the results
        return []


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

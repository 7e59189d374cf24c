"""The outputs of a run, scored task by task; what an output is worth is the domain's word."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.files import read_lines
from react_agent.layout import RESULT_LINES
from react_agent.runs.verdicts import CaseVerdict, Evaluation, TaskVerdict, summarize
from react_agent.seams import NO_OUTPUT, NOT_THE_AGENT, REFUSED, Domain, Score, Task


async def score_run(
    domain: Domain[Any],
    tasks: Sequence[Task],
    output_dir: Path,
    done: Callable[[], object] | None = None,
) -> Evaluation:
    """Score these tasks of one run, inside `with domain:`. `done` is called for each test case.

    Raises ContractError where there is no such directory.
    """
    if not output_dir.is_dir():
        raise ContractError(f"{output_dir}: no such output directory; nothing was scored")
    owners: dict[Path, str] = {}
    work = (_task(domain, task, output_dir, owners, done) for task in tasks)
    found = await asyncio.gather(*work)
    results = [verdict for verdict in found if verdict]
    statuses = _statuses(output_dir)
    summary = summarize(
        results,
        dropped=[task.id for task, verdict in zip(tasks, found, strict=True) if not verdict],
        infrastructure=[one.id for one in results if NOT_THE_AGENT & statuses[one.id]],
        refused=[one.id for one in results if REFUSED in statuses[one.id]],
        **domain.scorer,
    )
    return Evaluation(summary=summary, results=tuple(results))


def count_cases(domain: Domain[Any], tasks: Sequence[Task]) -> int:
    """For a display; a task that cannot be scored becomes an error in the results."""
    count = 0
    for task in tasks:
        try:
            count += len(domain.scored(task.id))
        except ContractError:
            continue
    return count


async def _task(
    domain: Domain[Any],
    task: Task,
    output_dir: Path,
    owners: dict[Path, str],
    done: Callable[[], object] | None,
) -> TaskVerdict | None:
    """None for a task that does not count. What is another's output is none of this one's."""

    async def case(one: Any) -> CaseVerdict:
        output = domain.output_path(one, output_dir)
        score = await domain.score(one, output)
        verdict = verdict_of(score, one.name if len(cases) > 1 else None)
        if not (verdict.passed or verdict.error_class):
            found = await _error_class(domain, one, Path(score.output or output))
            verdict = verdict.model_copy(update={"error_class": found})
        if done:
            done()
        return verdict

    cases: list[Any] = []
    try:
        cases += domain.scored(task.id)
        if not cases:
            return None
        for path in {domain.output_path(one, output_dir) for one in cases}:
            if (owner := owners.setdefault(path, task.id)) != task.id:
                raise ContractError(f"task {task.id}: its output would be that of task {owner}")
        verdicts = await asyncio.gather(*map(case, cases))
    except ContractError as error:
        return TaskVerdict(
            id=task.id,
            instruction_type=task.instruction_type,
            success=False,
            error=str(error),
        )
    return TaskVerdict.of(task.id, task.instruction_type, verdicts)


async def _error_class(domain: Domain[Any], case: Any, output: Path) -> str | None:
    """Asked for failures only, since it reads all files of the case once more."""
    if not output.is_file():
        return NO_OUTPUT
    try:
        return (await domain.facts(case, output)).error_class or None
    except ContractError:  # the verdict stands, whatever else cannot be read
        return None


def verdict_of(score: Score, case: str | None = None) -> CaseVerdict:
    """Raises ContractError where a benchmark gives what no verdict is, such as a score of nan."""
    return fitted(
        CaseVerdict,
        {
            "gt_file": Path(score.truth).name,
            "output_file": Path(score.output).name,
            "gold_path": score.truth,
            "output_path": score.output,
            "passed": score.passed,
            "message": score.message,
            "score": score.score if score.score != score.passed else None,
            "case": case,
            **score.details,
        },
        f"{score.output}: verdict, field ",
    )


def _statuses(output_dir: Path) -> Mapping[str, set[str]]:
    """How the cases of each task ended, by the run's own record.

    A case that was run again has several lines; the last one counts.
    """
    lines = (line for line in read_lines(output_dir / RESULT_LINES) if isinstance(line, dict))
    last = {(str(x.get("id")), str(x.get("input_file"))): str(x.get("status")) for x in lines}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for (task_id, _), status in last.items():
        found[task_id].add(status)
    return found

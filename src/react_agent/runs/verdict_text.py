"""What a person reads of an evaluation: lines for stdout."""

from collections.abc import Iterator, Sequence

from react_agent.runs.verdicts import Evaluation, RepeatedEvaluation

LISTED = 12
"""Ids that one line names before it says how many more there are."""


def task_lines(evaluation: Evaluation) -> Iterator[str]:
    """One line a task, and the message of its first failing test case."""
    for task in evaluation.results:
        if task.error:
            yield f"ERROR {task.id}: {task.error}"
            continue
        failed = [case for case in task.test_cases if not case.passed]
        counts = f"{task.passed_count}/{task.total_count}"
        message = f": {failed[0].message}" if failed else ""
        yield f"{'PASS ' if task.success else 'FAIL '} {task.id} {counts}{message}"


def summary_lines(evaluation: Evaluation, title: str) -> Iterator[str]:
    summary = evaluation.summary
    correct, total = summary.fully_correct_instances, summary.total_instances
    rules = f" ({summary.rules} rules)" if summary.rules else ""
    yield f"== {title}: {correct} of {total} tasks correct{rules}"
    yield f"Instance Accuracy: {summary.instance_accuracy:.1%}"  # as the released scorer says it
    yield (
        f"Accuracy         {summary.instance_accuracy:8.2%}  of {total} tasks that have "
        f"something to score them by, errors counting as wrong"
    )
    yield (
        f"Test cases       {summary.test_case_accuracy:8.2%}  "
        f"{summary.passed_test_cases} of {summary.total_test_cases} passed"
    )
    scored = summary.scored_instances
    yield f"Soft score       {summary.avg_soft_score:8.2%}  mean over {scored} scored tasks"
    yield f"Hard score       {summary.avg_hard_score:8.2%}  of {scored} scored tasks"
    for kind, scores in summary.by_instruction_type.items():
        yield (
            f"  {kind}: {scores.count} scored, soft {scores.avg_soft_score:.2%}, "
            f"hard {scores.avg_hard_score:.2%}"
        )
    if summary.instance_accuracy_recalculated is not None:
        yield (
            f"  recalculated   {summary.instance_accuracy_recalculated:8.2%}  "
            f"{summary.fully_correct_recalculated} of {summary.total_instances} tasks, formulas "
            f"without a cached value calculated by {summary.recalculation_engine}"
        )
    if summary.errors:
        failed = [task for task in evaluation.results if task.error]
        yield f"Errors           {len(failed)}: {_listed([task.id for task in failed])}"
        yield f"  first: {failed[0].error}"
    stands = "counted as they stand"
    for name, tasks, why in (
        ("Dropped", summary.dropped, "with nothing to score them by"),
        (
            "Infrastructure",
            summary.infrastructure,
            f"not finished for reasons that are not the agent's, {stands}",
        ),
        ("Refused", summary.refused, f"ended by a content filter of the endpoint, {stands}"),
    ):
        if tasks:
            yield f"{name:<16} {len(tasks)} {why}: {_listed(tasks)}"
    if summary.rules_differ:
        names = sorted({name for found in summary.rules_differ.values() for name in found})
        shares = [
            f"{name} {sum(task.success_by(name) for task in evaluation.results) / total:.2%}"
            for name in names
            if name != summary.rules
        ]
        yield f"Other rules      {', '.join(shares)}"
        yield f"Rules differ on  {len(summary.rules_differ)}: " + _listed(
            [
                f"{task_id} ({', '.join(name for name, passed in found.items() if passed)} pass)"
                for task_id, found in summary.rules_differ.items()
            ]
        )


def repeat_lines(repeated: RepeatedEvaluation, asked: int) -> Iterator[str]:
    summary = repeated.summary
    seeds = len(summary.seeds)
    yield f"== {seeds} seeds: {', '.join(summary.seeds)}"
    if seeds != asked:
        yield f"Note: --repeat {asked}, but {seeds} seed folders were found and scored"
    total = summary.total_instances
    low, high = summary.interval or (0.0, 0.0)
    around = f"; 95 % over tasks: {low:.2%} to {high:.2%}" if summary.interval else ""
    yield f"Mean accuracy    {summary.mean_instance_accuracy:8.2%}  over the seeds{around}"
    yield f"pass@any         {summary.pass_at_any:8.2%}  of {total} tasks"
    yield f"pass@all         {summary.pass_at_all:8.2%}  of {total} tasks"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")

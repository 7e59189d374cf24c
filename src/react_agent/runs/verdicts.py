"""What `eval_official_results.json` holds, and how verdicts add up.

Fields of the released scorer keep its names and values, its unlike denominators included; those
that are ours stand behind them and say what the others leave out.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator

from react_agent.configfile import fitted
from react_agent.text import has_control

DRAWS = 1_000


def _as_text(value: object) -> object:
    """Ids are integers in one half of the public data and strings in the other."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _shown(text: str) -> str:
    """It stands in tables on a terminal."""
    if has_control(text):
        raise ValueError("holds a control character")
    return text


Text = Annotated[str, BeforeValidator(_as_text), AfterValidator(_shown)]
OptionalText = Annotated[
    str, BeforeValidator(lambda v: "" if v is None else _as_text(v)), AfterValidator(_shown)
]


class CaseVerdict(BaseModel, frozen=True, allow_inf_nan=False):
    """One output beside one gold workbook."""

    gt_file: str
    output_file: str
    """Both by name, as in the released scorer's files."""
    passed: bool
    message: str = ""
    """The first mismatch, or why nothing could be compared."""
    score: float | None = None
    """Ours: of 1, where a benchmark knows results that are partly right."""
    case: str | None = None
    """Ours: which of a task's several cases this is."""
    gold_path: str = ""
    """Ours: where the gold workbook lies."""
    output_path: str = ""
    """Ours: where the output lies, or would."""
    passed_by_rules: dict[str, bool] = {}
    """Ours: the verdict by every rule set."""
    passed_recalculated: bool | None = None
    """Ours: the verdict once formulas without a cached value have one; None if not asked for."""
    recalculation: str | None = None
    """Ours: what the engine did, where it had something to do."""
    error_class: str | None = None
    """Ours: the domain's class of the failure; None for a right result, and where nobody knows."""

    @property
    def worth(self) -> float:
        return float(self.passed) if self.score is None else self.score


class TaskVerdict(BaseModel, frozen=True, allow_inf_nan=False):
    """One task. With an `error` there was nothing to score it by, and the counts are None."""

    id: Text
    instruction_type: OptionalText = ""
    success: bool
    """All test cases passed."""
    error: str | None = None
    test_cases: tuple[CaseVerdict, ...] = ()
    passed_count: int | None = None
    total_count: int | None = None
    soft_score: float | None = None
    hard_score: int | None = None

    @classmethod
    def of(cls, task_id: str, kind: str, cases: Sequence[CaseVerdict]) -> "TaskVerdict":
        passed = sum(case.passed for case in cases)
        return cls(
            id=task_id,
            instruction_type=kind,
            success=passed == len(cases),
            test_cases=tuple(cases),
            passed_count=passed,
            total_count=len(cases),
            soft_score=sum(case.worth for case in cases) / len(cases),
            hard_score=int(passed == len(cases)),
        )

    def success_by(self, rules: str) -> bool:
        return not self.error and all(case.passed_by_rules.get(rules) for case in self.test_cases)

    @property
    def success_recalculated(self) -> bool:
        return not self.error and all(case.passed_recalculated for case in self.test_cases)


class TypeSummary(BaseModel, frozen=True, allow_inf_nan=False):
    """The scored tasks of one instruction type."""

    count: int
    avg_soft_score: float
    avg_hard_score: float


class Summary(BaseModel, frozen=True, allow_inf_nan=False):
    """The totals. Accuracy counts all instances, the averages only those that were scored."""

    total_instances: int
    """Tasks that have something to score them by, errors among them."""
    fully_correct_instances: int
    instance_accuracy: float
    total_test_cases: int
    passed_test_cases: int
    test_case_accuracy: float
    avg_soft_score: float
    avg_hard_score: float
    by_instruction_type: dict[str, TypeSummary]

    rules: str = "released"
    """Empty where a benchmark has one set of them."""
    engine: str = "openpyxl"
    scored_instances: int = 0
    """Those with at least one test case: the denominator of the averages."""
    errors: int = 0
    """Instances without a gold or a folder: in total_instances, not in the averages."""
    dropped: tuple[str, ...] = ()
    """Tasks with nothing to score them by: in no number at all."""
    infrastructure: tuple[str, ...] = ()
    """Tasks that the run did not finish for reasons that are not the agent's; they count as
    wrong in all numbers above."""
    refused: tuple[str, ...] = ()
    """Tasks that a content filter of the endpoint ended; they count as they stand."""
    rules_differ: dict[str, dict[str, bool]] = {}
    """Tasks on whose success the rule sets do not agree."""
    recalculation_engine: str | None = None
    fully_correct_recalculated: int | None = None
    instance_accuracy_recalculated: float | None = None


class VerdictFile(BaseModel, frozen=True):
    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_none=True)

    @classmethod
    def from_json(cls, value: Any, source: object) -> Self:
        """Raises ContractError naming `source` and the field; takes the released code's files."""
        hint = "; run evaluate_with_official.py again"
        return fitted(cls, value, f"{source}: field ", then=hint)


class Evaluation(VerdictFile, frozen=True):
    """One output directory, scored."""

    summary: Summary
    results: tuple[TaskVerdict, ...]


def summarize(
    results: Sequence[TaskVerdict],
    *,
    rules: str = "",
    engine: str = "",
    dropped: Sequence[str] = (),
    infrastructure: Sequence[str] = (),
    refused: Sequence[str] = (),
    recalculation_engine: str | None = None,
) -> Summary:
    scored = [result for result in results if not result.error]
    correct = sum(result.success for result in results)
    cases = [case for result in scored for case in result.test_cases]
    recalculated = sum(result.success_recalculated for result in results)
    return Summary(
        total_instances=len(results),
        fully_correct_instances=correct,
        instance_accuracy=_share(correct, len(results)),
        total_test_cases=len(cases),
        passed_test_cases=sum(case.passed for case in cases),
        test_case_accuracy=_share(sum(case.passed for case in cases), len(cases)),
        avg_soft_score=_mean([result.soft_score for result in scored]),
        avg_hard_score=_mean([result.hard_score for result in scored]),
        by_instruction_type=_by_type(scored),
        rules=rules,
        engine=engine,
        scored_instances=len(scored),
        errors=len(results) - len(scored),
        dropped=tuple(dropped),
        infrastructure=tuple(infrastructure),
        refused=tuple(refused),
        rules_differ=_differences(scored),
        recalculation_engine=recalculation_engine,
        fully_correct_recalculated=recalculated if recalculation_engine else None,
        instance_accuracy_recalculated=(
            _share(recalculated, len(results)) if recalculation_engine else None
        ),
    )


class SeedOutcome(BaseModel, frozen=True):
    """One task over all seeds; a seed that has no verdict of it counts as not passed."""

    id: Text
    instruction_type: str = ""
    passed_seeds: tuple[str, ...]
    pass_any: bool
    pass_all: bool


class RepeatSummary(BaseModel, frozen=True):
    """The totals over several runs of the same tasks."""

    seeds: tuple[str, ...]
    total_instances: int
    mean_instance_accuracy: float
    interval: tuple[float, float] | None = None
    """Ours: 95 % of the mean accuracy, drawn over tasks, as seeds of one task are no more tasks."""
    pass_at_any: float
    """Share of tasks that at least one seed solves."""
    pass_at_all: float
    """Share of tasks that every seed solves."""
    per_seed: dict[str, Summary]


class RepeatedEvaluation(VerdictFile, frozen=True):
    """Several seeds of one run."""

    summary: RepeatSummary
    results: tuple[SeedOutcome, ...]
    kind: Literal["repeated"] = "repeated"


def combine(evaluations: Mapping[str, Evaluation]) -> RepeatedEvaluation:
    """`evaluations` are by seed, and not empty."""
    seeds = tuple(evaluations)
    kinds: dict[str, str] = {}
    passed: dict[str, list[str]] = {}
    for seed, evaluation in evaluations.items():
        for result in evaluation.results:
            kinds.setdefault(result.id, result.instruction_type)
            passed.setdefault(result.id, []).extend([seed] if result.success else [])
    results = tuple(
        SeedOutcome(
            id=task_id,
            instruction_type=kind,
            passed_seeds=tuple(passed[task_id]),
            pass_any=bool(passed[task_id]),
            pass_all=len(passed[task_id]) == len(seeds),
        )
        for task_id, kind in kinds.items()
    )
    accuracies = [evaluation.summary.instance_accuracy for evaluation in evaluations.values()]
    return RepeatedEvaluation(
        summary=RepeatSummary(
            seeds=seeds,
            total_instances=len(results),
            mean_instance_accuracy=_mean(accuracies),
            interval=_interval([len(one.passed_seeds) / len(seeds) for one in results]),
            pass_at_any=_share(sum(result.pass_any for result in results), len(results)),
            pass_at_all=_share(sum(result.pass_all for result in results), len(results)),
            per_seed={seed: evaluation.summary for seed, evaluation in evaluations.items()},
        ),
        results=results,
    )


def _by_type(scored: Sequence[TaskVerdict]) -> dict[str, TypeSummary]:
    groups: dict[str, list[TaskVerdict]] = {}
    for result in scored:
        groups.setdefault(result.instruction_type or "Unknown", []).append(result)
    return {
        kind: TypeSummary(
            count=len(group),
            avg_soft_score=_mean([result.soft_score for result in group]),
            avg_hard_score=_mean([result.hard_score for result in group]),
        )
        for kind, group in groups.items()
    }


def _differences(scored: Sequence[TaskVerdict]) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for result in scored:
        names = {name for case in result.test_cases for name in case.passed_by_rules}
        by_rules = {name: result.success_by(name) for name in sorted(names)}
        if len(set(by_rules.values())) > 1:
            found[result.id] = by_rules
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _mean(scores: Sequence[float | None]) -> float:
    numbers = [score for score in scores if score is not None]
    return sum(numbers) / len(numbers) if numbers else 0.0


def _interval(shares: Sequence[float]) -> tuple[float, float] | None:
    """Of their mean, by a percentile bootstrap that draws the same each time."""
    chance, size = random.Random(0), len(shares)
    means = sorted(sum(chance.choices(shares, k=size)) / size for _ in range(DRAWS if size else 0))
    return (means[DRAWS // 40], means[-DRAWS // 40 - 1]) if means else None

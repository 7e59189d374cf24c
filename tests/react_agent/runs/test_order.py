"""Long cases start first where an earlier run knows them; what is unknown may be the longest."""

from pathlib import Path

import pytest
from commands import TASKS, Commands, copying_agent, task_of, with_server
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import ContractError
from react_agent.files import append_line
from react_agent.layout import RESULT_LINES
from react_agent.runs.case_queue import earlier_results, longest_first, seconds_taken
from react_agent.runs.folder import CaseResult


def took(task: str, seconds: float, status: str = "completed") -> CaseResult:
    values = {"id": task, "input_file": "i.xlsx", "status": status, "success": True}
    return CaseResult.model_validate({**values, "seconds": seconds})


@given(st.dictionaries(st.text("abc", max_size=4), st.floats(0, 1e6)), st.lists(st.text("abc")))
def test_an_order_loses_nothing_and_puts_the_unknown_before_the_known(
    known: dict[str, float], others: list[str]
) -> None:
    cases = [*others, *known]
    taken = seconds_taken(took(task, seconds) for task, seconds in known.items())
    order = longest_first(cases, lambda task: (task, "i.xlsx"), taken)
    assert sorted(order) == sorted(cases)
    seconds = [known.get(task, float("inf")) for task in order]
    assert seconds == sorted(seconds, reverse=True)
    unknown = [task for task in order if task not in known]
    assert unknown == [task for task in cases if task not in known]


def test_a_case_is_as_long_as_its_runs_were_but_for_those_the_endpoint_ended() -> None:
    results = [took("1", 10), took("1", 20), took("1", 900, "infrastructure")]
    assert seconds_taken(results) == {("1", "i.xlsx"): 15}


def test_the_seeds_of_an_earlier_run_count_and_without_one_there_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for seed, seconds in ((1, 5.0), (2, 7.0)):
        append_line(tmp_path / f"seed_{seed}" / RESULT_LINES, took("1", seconds).model_dump())
    assert seconds_taken(earlier_results(tmp_path)) == {("1", "i.xlsx"): 6}
    assert earlier_results(tmp_path / "nowhere") == []
    assert "holds no results.jsonl to order by" in caplog.text
    append_line(tmp_path / RESULT_LINES, {"id": 7})
    with pytest.raises(ContractError, match="line 1: id"):
        earlier_results(tmp_path)


def test_a_run_starts_with_what_took_longest_in_another(tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts("--workers", "1")
        assert code == 0, said
        in_order = list(dict.fromkeys(map(task_of, user.server.bodies)))
        results = earlier_results(user.outputs)
        for place, task in enumerate(in_order):
            mine = next(result for result in results if result.id == task)
            append_line(
                earlier / RESULT_LINES, mine.model_copy(update={"seconds": place}).model_dump()
            )
        user.server.bodies.clear()
        code, said = await user.rollouts(
            "--workers", "1", "--overwrite", "--longest_first", str(earlier)
        )
        assert code == 0, said
        assert list(dict.fromkeys(map(task_of, user.server.bodies))) == in_order[::-1]
        assert len(in_order) == TASKS

    with_server(copying_agent, tmp_path, steps)

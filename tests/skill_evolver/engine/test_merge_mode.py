"""Errors and successes merged apart: what each merge sees, and that errors win at the end."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from evolving import Author, make_records, make_skill, run, summary_of
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import ContractError
from react_agent.model import Message
from skill_evolver.engine.tree import levels_apart

APART = ("--merge-mode", "apart", "--merge-batch-size", "3")


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(2, 7),
    st.integers(1, 5),
)
def test_sides_meet_in_the_last_level_only(one: int, other: int, size: int, cap: int) -> None:
    plan = levels_apart([one, other], size, cap)
    sides = [{"one"}] * one + [{"other"}] * other
    assert len(plan) <= cap
    for number, level in enumerate(plan, start=1):
        assert sorted(place for group in level for place in group) == list(range(len(sides)))
        sides = [set[str]().union(*(sides[place] for place in group)) for group in level]
        assert all(len(side) == 1 for side in sides) == (number < len(plan))
    assert sides == [{"one", "other"}]


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Seven failures and five successes, in one file and mixed."""
    errors = json.loads(make_records(tmp_path / "e.json", 7).read_text())
    successes = json.loads(make_records(tmp_path / "s.json", 12, "success").read_text())[7:]
    mixed = [record for pair in zip(errors, successes, strict=False) for record in pair]
    (tmp_path / "both.json").write_text(json.dumps([*mixed, *errors[5:]]))
    return tmp_path / "both.json"


def evolved(skill: Path, records: Path, *flags: str) -> tuple[list[Sequence[Message]], Author]:
    seen: list[Sequence[Message]] = []

    def watch(role: str, number: int, messages: Sequence[Message]) -> None:
        seen.append(messages)

    author = Author(watch)
    assert run(skill, records, author, *flags) == 0
    return seen, author


def test_each_kind_is_merged_by_itself_and_errors_win_at_the_end(
    tmp_path: Path, both: Path
) -> None:
    skill = make_skill(tmp_path)
    seen, author = evolved(skill, both, *APART)
    maps = [m[:2] for m in seen if m[0].text.startswith("You improve a skill")]
    merges = [m[:2] for m in seen if m[0].text.startswith("You merge patches")]
    for system, user in maps:
        assert ("causes of failed runs" in system.text) == ("(run that failed" in user.text)
        assert ("in runs that succeeded" in system.text) == ("(run that succeeded" in user.text)
    kinds = [re.findall(r"^## Patch \d+ \(from (.*?)\)", user.text, re.M) for _, user in merges]
    assert all(len(set(found)) == 1 for found in kinds[:-1])
    assert sorted(kinds[-1]) == ["error", "success"]
    wins = ["errors win, whatever the support" in system.text for system, _ in merges]
    assert wins == [False] * (len(merges) - 1) + [True]
    assert summary_of(skill)["merges"] == {"by the model": len(merges)}
    assert {m[1].text.count("#### Record ") for m in maps} == {1}
    assert author.calls["map"] == 12

    idle = Author()
    assert run(skill, both, idle, *APART) == 0
    assert not idle.calls


@pytest.mark.parametrize("mode", ["apart", "together"])
def test_of_two_edits_of_the_same_lines_the_one_from_an_error_stands(
    tmp_path: Path, both: Path, mode: str
) -> None:
    """Two failures against five successes, and a merge that keeps both: only code can decide."""
    old = "Write values, not formulas."

    def said(role: str, number: int, messages: Sequence[Message]) -> str | None:
        if role != "map":
            return None
        failed = "(run that failed" in messages[1].text
        new = "Write values, and check them." if failed else "Write what is quickest."
        name = re.findall(r"#### Record (\S+)", messages[1].text)[0]
        if failed and int(name.partition("-")[0]) > 701:
            return '```json\n{"reasoning": "", "edits": []}\n```'
        edit = {"file": "SKILL.md", "op": "replace_in_section", "target_section": "## Write"}
        edit |= {"old_text": old, "content": new, "reason": "It misled.", "sources": [name]}  # type: ignore[dict-item]
        return f"```json\n{json.dumps({'reasoning': '', 'edits': [edit]})}\n```"

    skill = make_skill(tmp_path)
    flags = ("--merge-mode", mode, "--merge-batch-size", "3", "--skip-translation")
    assert run(skill, both, Author(said), *flags) == 0
    text = (skill / "SKILL.md").read_text()
    assert ("and check them" in text, "is quickest" in text) == (mode == "apart", mode != "apart")
    assert old not in text


def test_together_is_what_it_was(tmp_path: Path, both: Path) -> None:
    seen, _ = evolved(make_skill(tmp_path), both)
    assert not any("errors win" in m[0].text or "(from " in m[1].text for m in seen)


def test_one_kind_alone_cannot_be_merged_apart(tmp_path: Path) -> None:
    records = make_records(tmp_path / "e.json", 3)
    with pytest.raises(ContractError, match="needs lessons of failed and of successful runs"):
        run(make_skill(tmp_path), records, Author(), *APART)

"""A reproduction's folder stands for the runs and the skill in it."""

from pathlib import Path

import pytest

from react_agent.errors import ContractError
from react_agent.files import write_json
from react_agent.runs.reproduced import Reproduced, runs_of, skill_of


def reproduction(root: Path, *, skill: str | None = "evolution/skills/s") -> Path:
    def row(label: str, split: str, folder: str) -> dict[str, str]:
        return {
            "label": label,
            "split": split,
            "verdicts": str(root / folder / "outputs" / "eval_official_results.json"),
        }

    rows = [
        row("no skill", "test", "none"),
        row("s", "test", "start"),
        row("s, training", "train", "taught"),
        row("evolved with seed 1", "train", "tried"),
        row("s evolved", "test", "evolved"),
    ]
    value = {
        "settings": {"start": "s"},
        "standings": rows,
        "skill": skill and str(root / skill),
        "spent": {"file": str(root / "budget.jsonl")},
    }
    write_json(root / "reproduction.json", value)
    return root


def test_its_runs_stand_in_its_place_wherever_it_was_moved(tmp_path: Path) -> None:
    moved = reproduction(tmp_path / "there").rename(tmp_path / "here")
    other = tmp_path / "other"
    held_out = [moved / name for name in ("start", "none", "evolved")]
    assert runs_of([moved, other]) == [*held_out, other]
    assert runs_of([moved], training=True) == [moved / "taught", *held_out]
    assert skill_of(moved) == moved / "evolution" / "skills" / "s"
    assert skill_of(other) == other


def test_what_has_no_skill_no_end_or_no_sense_is_said(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no skill was evolved"):
        skill_of(reproduction(tmp_path / "a", skill=None))
    (tmp_path / "b").mkdir()
    assert Reproduced.find(tmp_path / "b") is None
    (tmp_path / "b" / "commands.sh").touch()
    with pytest.raises(ContractError, match="has not come to its end"):
        Reproduced.find(tmp_path / "b")
    for value in ([], {"spent": 1}, {"spent": {"file": "x"}, "settings": {"start": 1}}):
        write_json(tmp_path / "b" / "reproduction.json", value)
        with pytest.raises(ContractError, match="is not as a reproduction leaves it"):
            Reproduced.find(tmp_path / "b")

"""Where a run's files are written is where they are found."""

from pathlib import Path

import pytest

from react_agent.errors import ContractError
from react_agent.layout import RunLayout, seed_folders, seed_name, seed_of


@pytest.mark.parametrize("seed", [None, 4, 41])
def test_a_run_laid_out_is_found_by_each_of_its_places(tmp_path: Path, seed: int | None) -> None:
    laid = RunLayout.below(tmp_path)
    sub = seed_name(seed) if seed is not None else ""
    (laid.outputs / sub).mkdir(parents=True)
    verdicts = laid.outputs / sub / laid.verdicts.name
    verdicts.write_text("{}")
    places = [laid.outputs / sub, verdicts] if sub else [tmp_path, laid.outputs, verdicts]
    for place in places:
        found = RunLayout.find(place)
        assert (found.root, found.outputs, found.verdicts) == (
            tmp_path,
            laid.outputs / sub,
            verdicts,
        )
        assert (found.logs, found.work) == (laid.logs / sub, laid.work / sub)
        assert found.lines.parent == found.settings.parent == found.results.parent == found.outputs
        assert found.seed_folder == sub


def test_the_runners_own_default_has_the_logs_among_the_outputs(tmp_path: Path) -> None:
    (tmp_path / "mine" / "logs").mkdir(parents=True)
    assert RunLayout.find(tmp_path / "mine").logs == tmp_path / "mine" / "logs"


def test_nothing_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no such run folder"):
        RunLayout.find(tmp_path / "missing")


def test_seeds_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for seed in (10, 9, 100, 1):
        (tmp_path / seed_name(seed)).mkdir()
    (tmp_path / "seed_list").write_text("no folder")
    (tmp_path / "other").mkdir()
    assert [seed_of(folder) for folder in seed_folders(tmp_path)] == ["1", "9", "10", "100"]
    assert seed_of(tmp_path / "other") == ""

"""Who wrote a skill, who ran with it, and where: one table, in the words of the comparison."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from reporting_runs import World, make_world

from react_agent.skills import Skill
from reporting.comparing.command import Comparison, compare_runs
from reporting.transfer import command
from reporting.transfer.cells import transfer_table
from reporting.transfer.text import wide
from spreadsheet_agent import SKILLS


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def variant(run: Path, name: str, **settings: Any) -> Path:
    """A copy of a run that was made otherwise."""
    folder = run.with_name(name)
    shutil.copytree(run, folder)
    file = folder / "outputs" / "run.json"
    record = json.loads(file.read_text())
    record["settings"] = {**record["settings"], **settings}
    file.write_text(json.dumps(record))
    return folder


def evolved(world: World) -> dict[str, Any]:
    return {"skill": {"name": "xlsx", "digest": Skill.load(world.skill).digest}}


def place_skill(run: Path, world: World) -> Path:
    file = run / "outputs" / "run.json"
    record = json.loads(file.read_text())
    record["sessions"][-1]["environment"]["skills_dir"] = str(world.skill.parent)
    file.write_text(json.dumps(record))
    return run


def test_each_run_stands_against_the_same_model_without_a_skill(world: World) -> None:
    bare = variant(world.first, "bare", skill=None, agent="cli_only")
    other = variant(world.first, "other", skill=None, agent="cli_only", model={"model": "other"})
    mine = place_skill(variant(world.second, "mine", **evolved(world)), world)
    bundled = Skill.load(SKILLS / "xlsx").digest
    seed = variant(world.second, "seed", skill={"name": "xlsx", "digest": bundled})
    lost = variant(world.second, "lost", skill={"name": "xlsx", "digest": "0" * 64})
    abroad = variant(world.second, "abroad", domain="hitab", **evolved(world))
    table = transfer_table((bare, other, mine, seed, lost, abroad))
    found = {Path(cell.path).name: cell for cell in table.cells}
    assert found["bare"].author == found["other"].author == "no skill"
    assert found["bare"].verdict is found["other"].verdict is None
    assert "lessons" in found["mine"].author
    assert found["seed"].author == "human-written"
    assert (found["lost"].author, bool(found["lost"].note)) == ("not known", True)
    assert found["abroad"].against == ""  # nobody ran there without a skill
    [pair] = compare_runs(Comparison(baseline=bare, others=(mine,), common=True)).pairs
    assert (found["mine"].against, found["mine"].difference) == (str(bare), pair.difference)
    assert found["mine"].p is not None
    assert found["mine"].p >= pair.p  # corrected over the whole table


def test_no_run_is_hidden_by_another_and_help_is_no_baseline(world: World) -> None:
    bare = variant(world.first, "bare", skill=None, agent="cli_only")
    again = variant(world.second, "again", skill=None, agent="cli_only")
    notes = variant(world.second, "notes", skill=None, memory={"name": "bank"})
    mine = place_skill(variant(world.second, "mine", **evolved(world)), world)
    table = transfer_table((bare, again, notes, mine))
    found = {Path(cell.path).name: cell for cell in table.cells}
    against = {name: Path(cell.against).name for name, cell in found.items()}
    assert against == {"bare": "", "again": "", "notes": "bare", "mine": "bare"}
    place = next(row for row in wide(table).rows if row[0] == "no skill")[2]
    assert place == "25.0, 75.0"


def test_all_forms_have_every_cell_and_empty_places_say_so(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = variant(world.first, "bare", skill=None, agent="cli_only")
    mine = place_skill(variant(world.second, "mine", **evolved(world)), world)
    abroad = variant(world.first, "abroad", skill=None, agent="cli_only", domain="hitab")
    files = {name: tmp_path / f"table.{name}" for name in ("json", "markdown", "csv", "latex")}
    flags = [text for name, file in files.items() for text in (f"--{name}", str(file))]
    capsys.readouterr()
    assert command.main([str(bare), str(mine), str(abroad), *flags]) == 0
    said = capsys.readouterr().out
    assert "points against no skill" in said.replace("\n ", "")
    assert said.splitlines()[0] == "RECORDED REPLIES, NOT A MEASUREMENT"
    assert all(len(line) <= 80 for line in said.splitlines() if "/" not in line)
    assert len(json.loads(files["json"].read_text())["cells"]) == 3
    assert len(files["csv"].read_text().splitlines()) == 4
    assert "not run" in files["markdown"].read_text()
    assert "not run" in files["latex"].read_text()


def test_a_folder_without_verdicts_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path / "nothing")]) == 2
    assert "no such run folder" in capsys.readouterr().err

"""An edit whose own anchor is not in its file lands where its words belong, or nowhere."""

import asyncio
from pathlib import Path

import pytest
from evolving import SKILL

from analysis.lessons.leaks import LeakScan
from react_agent.model import ScriptedModel
from react_agent.skills import Skill
from skill_evolver.engine.finish import Finisher
from skill_evolver.engine.map_reduce import EvolutionSettings, Evolver
from skill_evolver.engine.store import Store
from skill_evolver.guard.guardrails import Guard
from skill_evolver.lineage.provenance import leaf
from skill_evolver.patches.anchors import already_there, by_hint, elsewhere, nearest
from skill_evolver.patches.apply import apply_edits, from_files, to_files
from skill_evolver.patches.patch import ExactEdit, Patch, SemanticEdit

DATES = "# Dates\n\n## Reading dates\n\nRead serial numbers as dates.\n"
FILES = {"SKILL.md": SKILL, "references/dates.md": DATES, "scripts/dates.txt": DATES}


def edit(op: str, **fields: str) -> ExactEdit:
    return ExactEdit.model_validate({"id": "e1", "file": "SKILL.md", "op": op, **fields})


APPEND = edit("append_to_section", target_section="## Reading dates", content="- NEW")
INSERT = edit("insert_after", target_text="Read serial numbers as dates.", content="- NEW")
BEFORE = edit("insert_before", target_text="Read serial numbers as dates.", content="NEW")
LOST = edit("insert_after", target_text="x y z", content="- Read files back.").model_copy(
    update={"id": "e2"}
)
SECTION = edit(
    "add_section", target_section="## More", after_section="## Reading dates", content="NEW"
)


@pytest.mark.parametrize("lost", [APPEND, INSERT, BEFORE, SECTION], ids=lambda e: e.op)
def test_an_anchor_that_one_other_file_holds_moves_the_edit_there(lost: ExactEdit) -> None:
    moved = elsewhere(lost, FILES)
    assert moved == lost.model_copy(update={"file": "references/dates.md"})
    applied = apply_edits(from_files(FILES), [moved])
    files = to_files(applied.document)
    assert applied.left == []
    assert "NEW" in files["references/dates.md"]
    assert files["SKILL.md"] == SKILL


@pytest.mark.parametrize(
    ("lost", "files"),
    [
        (APPEND, {**FILES, "references/more.md": DATES}),  # two places: no choice is better
        (APPEND, {"SKILL.md": SKILL}),
        (APPEND, {"SKILL.md": SKILL, "a.md": DATES.replace("Reading dates", "Reading  date")}),
        (APPEND, {"SKILL.md": SKILL, "scripts/dates.txt": DATES}),  # only markdown has sections
        (APPEND, {"references/dates.md": DATES}),  # the file is unknown, not the place
        (edit("add_section", target_section="## More", content="NEW"), FILES),
        (edit("delete_section", target_section="## Reading dates"), FILES),
        (edit("replace_in_section", old_text="serial numbers", content="NEW"), FILES),
    ],
)
def test_what_is_not_one_certain_place_moves_nothing(
    lost: ExactEdit, files: dict[str, str]
) -> None:
    assert elsewhere(lost, files) is None


@pytest.mark.parametrize(
    ("content", "heading"),
    [
        ("- Read the file back after saving.", "## Check"),
        ("Write plain values, never formulas.", "## Write"),
        ("- List the sheets before anything.", "## Look first"),
    ],
)
def test_words_without_a_place_go_to_the_section_that_speaks_of_them(
    content: str, heading: str
) -> None:
    lost = edit("insert_after", target_text="nowhere to be found", content=content)
    placed = nearest(lost, FILES)
    assert placed is not None
    assert (placed.op, placed.target_section) == ("append_to_section", heading)
    written = to_files(apply_edits(from_files(FILES), [placed]).document)["SKILL.md"]
    assert content in written.split(f"\n{heading}\n")[1].replace("\n## not", "").split("\n## ")[0]


def test_a_title_speaks_too() -> None:
    lost = edit("insert_after", target_text="x y z", content="Do it twice.", title="Check the file")
    placed = nearest(lost, FILES)
    assert placed is not None
    assert placed.target_section == "## Check"


def test_there_is_no_nearest_section_for_a_deletion_or_without_sections() -> None:
    assert nearest(edit("delete_section", target_section="## Gone"), FILES) is None
    lost = edit("insert_after", target_text="x y z", content="NEW")
    assert nearest(lost, {"SKILL.md": "# Title only\n\nText.\n"}) is None


@pytest.mark.parametrize(
    "hint",
    ["## Check", "In section 'Check'", "After \"## Check\"", "Near `Check`.", "In Check",
     "New section after Check"],
)  # fmt: skip
def test_a_hint_that_names_a_heading_is_a_place(hint: str) -> None:
    told = SemanticEdit(
        file="SKILL.md", intent="i" * 100, location_hint=hint, instruction="- Look twice."
    )
    (placed,) = by_hint(told, FILES)
    assert (placed.op, placed.target_section) == ("append_to_section", "## Check")
    assert (placed.content, placed.title) == ("- Look twice.", "i" * 80)
    assert by_hint(told.model_copy(update={"title": "Twice"}), FILES)[0].title == "Twice"


@pytest.mark.parametrize(
    ("file", "hint"),
    [("SKILL.md", "wherever it fits"), ("SKILL.md, references/dates.md", "Check"),
     ("x.md", "Check")],
)  # fmt: skip
def test_a_hint_that_names_nothing_is_no_place(file: str, hint: str) -> None:
    told = SemanticEdit(file=file, intent="i", location_hint=hint, instruction="- Look twice.")
    assert by_hint(told, FILES) == []


def test_exact_edits_have_no_hint() -> None:
    assert by_hint(APPEND, FILES) == []


@pytest.mark.parametrize(
    ("content", "known"),
    [
        ("- List the sheets.", True),
        ("\n  - List the sheets.\n\n- Read the file back.  \n", True),
        ("- List the sheets.\n- List the names.", False),
        ("- List", False),
    ],
)
def test_what_a_file_says_line_by_line_is_known(content: str, known: bool) -> None:
    made = edit("append_to_section", target_section="## Check", content=content)
    assert bool(already_there(made, FILES)) == known
    assert already_there(made, {"other.md": SKILL}) == ""


@pytest.mark.parametrize(
    "made",
    [
        edit("replace_in_section", old_text="Write values", content="- List the sheets."),
        edit("delete_section", target_section="## Check"),
        edit("delete_file"),
    ],
    ids=lambda e: e.op,
)
def test_what_takes_away_is_never_known_already(made: ExactEdit) -> None:
    assert already_there(made, FILES) == ""


def test_an_evolution_without_a_model_for_anchors_places_what_code_can(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name.endswith(".md")}
    skill = Skill(tmp_path, files)
    store = Store(tmp_path / "calls", ScriptedModel(), readable=False)
    finisher = Finisher(Evolver(skill, store, EvolutionSettings(skip_translation=True)))
    patch = Patch(
        edits=(
            APPEND,
            LOST,
            SemanticEdit(
                id="e3", file="SKILL.md", intent="i", location_hint="Write", instruction="- Twice."
            ),
            SemanticEdit(
                id="e4", file="SKILL.md", intent="i", location_hint="?", instruction="- Lost."
            ),
        )
    )
    for made in patch.edits:
        leaf(finisher.evolver.ledger, made, "map_0001.json", ["run-1"])
    placed = asyncio.run(finisher.exact(patch, Guard(files, LeakScan())))
    where = {e.content: (e.file, e.target_section) for e in placed}
    assert where == {
        "- NEW": ("references/dates.md", "## Reading dates"),
        "- Read files back.": ("SKILL.md", "## Check"),
        "- Twice.": ("SKILL.md", "## Write"),
    }
    assert (finisher.anchors["other file"], finisher.anchors["by code"]) == (1, 1)
    assert finisher.anchors["model"] == 0
    assert [entry.reason for entry in finisher.evolver.ledger.dropped]

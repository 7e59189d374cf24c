"""Edits on text: where they land, what they never break, and who waits for whom."""

from pathlib import Path

import pytest
from evolving import SKILL
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.lessons.leaks import LeakScan, scan_tasks
from skill_evolver.guard.guardrails import Guard
from skill_evolver.patches.apply import apply_edits, from_files, to_files
from skill_evolver.patches.build import alone, build
from skill_evolver.patches.patch import ExactEdit
from skill_evolver.patches.places import find_section, find_text, outline, to_lines
from skill_evolver.patches.rules import check, new_problems
from spreadsheetbench.tasks.dataset import Dataset

FILES = {"SKILL.md": SKILL}


def edit(op: str, name: str = "e1", file: str = "SKILL.md", **fields: str) -> ExactEdit:
    return ExactEdit.model_validate({"id": name, "file": file, "op": op, **fields})


def result(*edits: ExactEdit) -> str:
    applied = apply_edits(from_files(FILES), edits)
    assert applied.left == []
    return to_files(applied.document)["SKILL.md"]


def test_headings_in_code_fences_are_code() -> None:
    assert [s.title for s in outline(SKILL).sections] == [
        "Spreadsheets",
        "Look first",
        "Write",
        "Check",
    ]


def test_an_append_lands_after_the_fence_of_its_section() -> None:
    text = result(edit("append_to_section", target_section="## Look first", content="- New."))
    assert "import openpyxl\n```\n\n- New.\n\n## Write" in text


def test_prose_never_lands_inside_a_fence() -> None:
    text = result(edit("insert_after", target_text="# Read the file", content="- New."))
    assert "import openpyxl\n```\n\n- New.\n" in text


def test_list_items_join_their_list_and_headings_keep_their_distance() -> None:
    text = result(edit("append_to_section", target_section="Check", content="- Compare."))
    assert text.endswith("- Read the file back.\n- Compare.\n")
    text = result(
        edit("add_section", target_section="## Save", after_section="Write", content="Keep a copy.")
    )
    assert "not formulas.\n\n## Save\n\nKeep a copy.\n\n## Check" in text


def test_a_section_that_exists_is_added_to() -> None:
    text = result(edit("add_section", target_section="## Check", content="## Check\n\n- Compare."))
    assert text.count("## Check") == 1
    assert text.endswith("- Compare.\n")


def test_two_edits_may_add_the_same_section() -> None:
    first = edit("add_section", "a", target_section="## Dates", content="- One.")
    second = edit("add_section", "b", target_section="## Dates", content="- Two.")
    assert result(first, second).endswith("## Dates\n\n- One.\n- Two.\n")


def test_of_two_edits_on_the_same_lines_the_first_wins_and_the_other_says_why() -> None:
    strong = edit("replace_in_section", "a", old_text="Write values, not formulas.", content="A.")
    weak = edit("replace_in_section", "b", old_text="values, not formulas", content="B")
    applied = apply_edits(from_files(FILES), [strong, weak])
    assert "A." in to_files(applied.document)["SKILL.md"]
    assert [(e.id, why.rule) for e, why in applied.left] == [("b", "anchor")]
    assert applied.waited == 1


def test_an_edit_that_waited_is_carried_out_when_its_passage_is_still_there() -> None:
    one = edit("replace_in_section", "a", old_text="values,", content="plain values,")
    two = edit("replace_in_section", "b", old_text="formulas.", content="formulas, ever.")
    assert "Write plain values, not formulas, ever." in result(one, two)


def test_a_deleted_section_and_an_edit_in_it_do_not_both_happen() -> None:
    one = edit("delete_section", "a", target_section="## Check")
    two = edit("append_to_section", "b", target_section="## Check", content="- x")
    applied = apply_edits(from_files(FILES), [one, two])
    assert [e.id for e, _ in applied.left] == ["b"]


@pytest.mark.parametrize("op", ["insert_after", "insert_before", "replace_in_section"])
@pytest.mark.parametrize("anchor", ["", "  ", None])
def test_an_empty_anchor_is_no_edit(op: str, anchor: str | None) -> None:
    fields = {"target_text": anchor, "old_text": anchor, "content": "- x"}
    with pytest.raises(ValueError, match="non-empty"):
        ExactEdit.model_validate({"file": "SKILL.md", "op": op, **fields})


def test_anchors_are_found_by_similarity_only_when_nothing_is_as_near() -> None:
    found = find_section(SKILL, "## look First!")
    assert found
    assert (found[0].title, found[1]) == ("Look first", "fuzzy")
    assert find_section(SKILL, "## Formatting") is None
    lines = to_lines(SKILL)
    near = find_text(lines, "write values, not formula", 0, len(lines))
    assert near
    assert near.how == "fuzzy"
    assert find_text(["- row one a", "- row one b"], "- row one c", 0, 2) is None


@pytest.mark.parametrize("wanted", ["## Look it up", "## Written", "## First look"])
def test_a_heading_that_is_only_a_little_alike_is_another_one(wanted: str) -> None:
    assert find_section(SKILL, wanted) is None


@pytest.mark.parametrize("wanted", ["Write formulas, not values.", "- Read the sheet back."])
def test_a_passage_that_says_something_else_in_like_words_is_another_one(wanted: str) -> None:
    lines = to_lines(SKILL)
    assert find_text(lines, wanted, 0, len(lines)) is None


def test_of_two_headings_of_one_name_the_marks_tell_which_is_meant() -> None:
    text = "# Write\n\nLead.\n\n## Write\n\nRules.\n"
    for wanted in ("# Write", "## Write"):
        found = find_section(text, wanted)
        assert found
        assert found[0].level == wanted.count("#")


def test_the_skill_itself_is_never_created_anew() -> None:
    applied = apply_edits(from_files(FILES), [edit("create", content="# Other\n\nText.")])
    assert [why.rule for _, why in applied.left] == ["unknown-file"]
    assert to_files(applied.document) == FILES


def test_only_the_first_of_equal_passages_is_exchanged() -> None:
    text = {"references/a.md": "# A\n\nTotal here, Total there.\n"}
    made = edit("replace_in_section", file="references/a.md", old_text="Total", content="Sum")
    applied = apply_edits(from_files(text), [made])
    assert to_files(applied.document)["references/a.md"] == "# A\n\nSum here, Total there.\n"


def test_a_line_that_an_edit_only_repeats_stays_whose_it_was() -> None:
    one = edit("append_to_section", "a", target_section="Check", content="- One.\n- Two.")
    two = edit("replace_in_section", "b", old_text="- One.\n- Two.", content="- One.\n- Three.")
    built = build(FILES, [[one], [two]], 500)
    origins = {line.text: line.origin for line in built.document["SKILL.md"] if line.origin}
    assert origins == {"- One.": "a", "- Three.": "b"}


def test_a_skill_that_was_too_long_before_is_not_blamed_for_growing() -> None:
    sizes = [check({"SKILL.md": SKILL + "\nText.\n" * n}) for n in (500, 600)]
    assert [[p.rule for p in found] for found in sizes] == [["size"], ["size"]]
    assert new_problems(*sizes) == []
    assert new_problems(check(FILES), sizes[0]) == sizes[0]


def test_a_reference_that_only_points_at_itself_is_an_orphan() -> None:
    files = {**FILES, "references/a.md": "# A\n\nThis is references/a.md.\n"}
    assert [(p.rule, p.file) for p in check(files)] == [("orphan", "references/a.md")]


@pytest.mark.parametrize("indent", ["", "  "])
def test_a_line_that_begins_like_the_anchor_is_not_the_anchor(indent: str) -> None:
    longer, line = "- Use openpyxl for large files.", f"{indent}- Use openpyxl"
    files = {"SKILL.md": f"# Sheets\n\n## Rules\n\n{longer}\n{line}\n- Save.\n"}
    change = edit("replace_in_section", old_text="- Use openpyxl", content="- Use pandas")
    text = to_files(apply_edits(from_files(files), [change]).document)["SKILL.md"]
    assert text == files["SKILL.md"].replace(f"{line}\n", f"{indent}- Use pandas\n")


def test_a_file_without_a_change_is_what_it_was_to_the_last_byte() -> None:
    base = {**FILES, "references/a.md": "# A\r\n\r\nText."}
    made = edit("append_to_section", target_section="Check", content="- New.")
    files = build(base, [[made]], 500).files
    assert files["references/a.md"] == base["references/a.md"]
    assert files["SKILL.md"] != SKILL


def test_what_was_written_now_moves_before_what_was_there() -> None:
    base = {"SKILL.md": f"{SKILL}\n## Older part\n\n" + "- Older line.\n" * 12}
    new = "\n".join(f"- Line {n} of the lesson." for n in range(25))
    made = edit("append_to_section", target_section="Write", content=new)
    whole = len(to_lines(build(base, [[made]], 500).files["SKILL.md"]))
    built = build(base, [[made]], whole - 3)
    assert built.moved == ["Write -> references/write.md"]


def test_neither_a_pointer_nor_what_it_points_at_stays_alone() -> None:
    made = edit("create", "a", file="references/new.md", content="# New\n\nText.")
    link = edit("append_to_section", "b", target_section="Check", content="See references/new.md.")
    assert alone([made, link], [made, link]) == []
    assert [e.id for e, _ in alone([link], [made, link])] == ["b"]
    assert [e.id for e, _ in alone([made], [made, link])] == ["a"]


def test_a_section_that_moves_takes_no_files_place() -> None:
    base = {**FILES, "references/write.md": "# Writing\n\nOlder text.\n"}
    long = "\n".join(f"- Line {n} of the lesson." for n in range(30))
    built = build(base, [[edit("append_to_section", target_section="Write", content=long)]], 40)
    assert built.moved == ["Write -> references/write-2.md"]
    assert built.files["references/write.md"] == base["references/write.md"]


def test_over_long_text_is_split_with_its_origins() -> None:
    long = "\n".join(f"- Line {n} of the lesson." for n in range(30))
    built = build(FILES, [[edit("append_to_section", target_section="Write", content=long)]], 40)
    files = built.files
    assert len(to_lines(files["SKILL.md"])) < 40
    assert check(files, max_skill_lines=40) == []
    moved = built.document["references/write.md"]
    assert all(line.origin == "e1" for line in moved if "Line" in line.text)


OPS = ["insert_after", "append_to_section", "replace_in_section", "add_section", "delete_section"]
PLACES = [
    "Look first",
    "Write",
    "Check",
    "- List the sheets.",
    "import openpyxl",
    "values",
    "nowhere",
]

CONTENTS = ["- A lesson.", "Text.\n\n```python\n# c\n```", "## Sub\n\nx"]


@st.composite
def edits(draw: st.DrawFn) -> ExactEdit:
    place, op = draw(st.sampled_from(PLACES)), draw(st.sampled_from(OPS))
    return ExactEdit(
        file=draw(st.sampled_from(["SKILL.md", "references/a.md"])),
        op=op,  # type: ignore[arg-type]
        target_section=place,
        target_text=place,
        old_text=place,
        content=draw(
            st.sampled_from(["- A lesson.", "Text.\n\n```python\n# c\n```", "## Sub\n\nx"])
        ),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(edits(), max_size=8))
def test_any_edits_keep_the_frontmatter_and_account_for_themselves(found: list[ExactEdit]) -> None:
    named = [e.model_copy(update={"id": f"e{n}"}) for n, e in enumerate(found)]
    applied = apply_edits(from_files(FILES), named)
    text = to_files(applied.document)["SKILL.md"]
    assert text.startswith(SKILL[: SKILL.index("# Spreadsheets")].rstrip())
    assert not outline(text).open_fence
    assert len(applied.done) + len(applied.left) == len(named)
    for lines in applied.document.values():
        new = [line for line in lines if line.origin]
        assert {line.origin for line in new} <= {e.id for e in named}


@pytest.mark.parametrize(
    ("rule", "made"),
    [
        ("path", edit("create", file="../x.md", content="x")),
        ("path", edit("create", file="a/../../x.md", content="x")),
        ("protected", edit("create", file="scripts/x.py", content="x")),
        ("protected", edit("replace_in_section", file="LICENSE.txt", old_text="a", content="b")),
        ("unknown-file", edit("create", file="assets/x.md", content="x")),
        ("unknown-file", edit("append_to_section", file="references/no.md", target_section="a",
                              content="x")),
        ("protected", edit("delete_file", reason="long " * 100)),
        ("deletes", edit("delete_section", target_section="## Look first")),
        ("deletes", edit("delete_section", target_section="# Spreadsheets", reason="w " * 90)),
        ("fence", edit("append_to_section", target_section="Write", content="```\nx")),
        ("leak", edit("append_to_section", target_section="Write", content="As in task 13-1.")),
        ("leak", edit("append_to_section", target_section="Write", content="Yes.", title="13-1")),
        ("path", edit("create", file=f"references/{'x' * 120}.md", content="x")),
        ("path", edit("create", file="references/table.md", content="x")),
        ("path", edit("create", file="references/raw.md", content="x")),
        ("orphan-create", edit("create", file="references/new.md", content="x")),
        ("dangling-link", edit("append_to_section", target_section="Write",
                               content="Read references/none.md.")),
    ],
)  # fmt: skip
def test_each_guardrail_names_its_rule(rule: str, made: ExactEdit) -> None:
    there = frozenset({"references/table.md/of.csv", "references/raw.md"})
    _, objections = Guard(FILES, LeakScan(ids={"13-1"}), other_files=there).screen([made])
    assert [o.rule for o in objections] == [rule]
    assert objections[0].reason


def test_what_may_be_taken_away_grows_with_the_reason_that_is_given() -> None:
    sections = [f"## Part {n}\n\n" + "word " * 30 for n in range(5)]
    guard = Guard({"SKILL.md": "\n\n".join([SKILL, *sections])}, LeakScan())
    for words, kept in ((0, False), (3, False), (4, True)):
        made = edit("delete_section", target_section="## Part 2", reason="because " * words)
        _, objections = guard.screen([made])
        assert [o.rule for o in objections] == ([] if kept else ["deletes"])


def test_no_edit_may_point_at_what_another_one_deletes() -> None:
    files = {"SKILL.md": f"{SKILL}\nRead references/a.md.\n", "references/a.md": "# A\n\nText.\n"}
    gone = edit("delete_file", "a", file="references/a.md", reason="It says nothing.")
    link = edit("append_to_section", "b", target_section="Write", content="See references/a.md.")
    kept, objections = Guard(files, LeakScan()).screen([gone, link])
    assert [(o.edit.id, o.rule) for o in objections] == [("b", "dangling-link")]
    assert kept == [gone]


def test_a_leak_scan_knows_instructions_sheets_and_answers() -> None:
    scan = LeakScan(
        shingles={"please copy the total of every month to": "9"},
        strings={"quarterly figures north": "a sheet name of task 9"},
        allowed="",
    )
    assert scan.find("You should please copy the total of every month to here now") != []
    assert scan.find("Open 'Quarterly  Figures North' first") == ["a sheet name of task 9"]
    assert scan.find("Copy totals to where they belong") == []


def test_a_leak_scan_reads_the_workbooks_of_every_task(shared_data: Path) -> None:
    scan = scan_tasks(["13-1"], shared_data, SKILL)
    assert scan.find("- Do as in 13-1.") == ["the task id 13-1"]
    task = Dataset.load(shared_data).tasks[5]
    assert f"the instruction of task {task.id}" in scan.find(task.instruction[:400])
    assert scan.find("- Write 'Items Older  Than 30 Days' there.") != []
    assert scan.find("- Read the desired result back and compare it with the input.") == []

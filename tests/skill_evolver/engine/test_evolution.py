"""Whole evolutions against a scripted author: every mode, every bad reply, resume, and safety."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from evolving import (
    SKILL,
    Author,
    intermediates_of,
    make_patterns,
    make_records,
    make_skill,
    run,
    summary_of,
)

from analysis.lessons.records import load_records, save_records
from react_agent.errors import ContextOverflow, EndpointRefused, InfrastructureError, PromptRefused
from react_agent.model import Message, Reply
from react_agent.skills import Skill, list_backups
from skill_evolver.engine.changelog import release_notes
from skill_evolver.engine.history import explain
from skill_evolver.engine.map_reduce import Unfinished
from skill_evolver.engine.result import NOT_WRITTEN
from skill_evolver.patches.rules import check_folder

MODES = list(
    itertools.product(["error", "success", "combined"], ["json", "markdown"], [False, True])
)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return make_records(tmp_path / "records.json", 12, logs=tmp_path / "logs")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("lessons", "pipeline", "patterns"), MODES)
def test_every_mode_evolves_through_the_same_code(
    tmp_path: Path, skill: Path, lessons: str, pipeline: str, patterns: bool
) -> None:
    source = tmp_path / "in.json"
    _ = make_patterns(source, 8) if patterns else make_records(source, 8)
    author = Author()
    code = run(skill, source, author, "--patch-pipeline", pipeline, "--merge-batch-size", "3",
               "--save-intermediates", lessons=lessons)  # fmt: skip
    assert code == 0
    assert check_folder(Skill.load(skill)) == []
    facts = summary_of(skill)
    assert facts["lessons"] >= 3
    assert facts["leaves_lost_or_owned_twice"] == []
    assert author.calls["map"] == 8
    assert author.calls["merge"] == 4
    assert (skill / "LICENSE.txt").read_text() == "All rights.\n"
    inter = intermediates_of(skill)
    maps = "map_patches/patch_0001.json" if pipeline == "json" else "map_semantic/patch_0001.md"
    final = "final_patch.json" if pipeline == "json" else "final_semantic_patch.md"
    merged = "/merged_0001.json" if pipeline == "json" else "_semantic/merged_0001.md"
    sample = "prompt_samples/map/batch_0001.md"
    for name in (maps, f"merge_level_1{merged}", final, "translated_final_patch.json",
                 "applied_diffs.patch", sample, "provenance.json"):  # fmt: skip
        assert (inter / name).exists(), name
    prompt = (inter / sample).read_text()
    assert ("a pattern over" in prompt) == patterns


@pytest.mark.parametrize("marker", ["bracket", "heading"])
@pytest.mark.parametrize("size", ["1", "4"])
def test_sequential_batches_build_on_each_other(
    skill: Path, records: Path, size: str, marker: str
) -> None:
    author = Author()
    assert run(skill, records, author, "--mode", "sequential", "--batch-size", size) == 0
    assert "merge" not in author.calls
    assert author.calls["map"] == 12 // int(size)
    assert check_folder(Skill.load(skill)) == []
    assert summary_of(skill)["lessons"] >= 3


@pytest.mark.parametrize("names_sources", [True, False])
def test_support_is_the_number_of_trajectories_named_or_not(
    skill: Path, records: Path, names_sources: bool
) -> None:
    run(skill, records, Author(names_sources=names_sources), "--merge-batch-size", "3")
    _, provenance, _ = explain(skill)
    support = {e.title: e.support for e in provenance.lessons}
    assert support["Keep dates as dates when cells are written"] == 2
    assert support["Find the header row by its words before reading the table"] == 2
    facts = summary_of(skill)
    found = {how for how in ("recorded", "inferred") if facts["links"].get(how)}
    assert found == ({"recorded"} if names_sources else {"inferred"})


def test_results_do_not_depend_on_timing(tmp_path: Path) -> None:
    texts = []
    for number in (1, 2):
        folder = make_skill(tmp_path / str(number))
        source = make_records(tmp_path / f"{number}.json", 23)
        delays = Author(delay=lambda user, n=number: (hash((user[-80:], n)) % 7) / 1000)
        run(folder, source, delays, "--max-workers", "7")
        texts.append(Skill.load(folder).files)
    assert texts[0] == texts[1]


def fenced(value: object) -> str:
    return f"```json\n{json.dumps(value)}\n```"


def with_edit(**fields: object) -> str:
    return fenced({"reasoning": "", "edits": [fields]})


LONG = {"file": "SKILL.md", "op": "append_to_section", "target_section": "## Write"}
BAD_REPLIES: dict[str, str | Reply | Exception] = {
    "empty": "",
    "prose": "I have no suggestions, sorry.",
    "cut off for ever": Reply(text='```json\n{"edits": [{"file": "SKILL.md", "co', finish="length"),
    "null content": with_edit(**LONG, content=None),
    "content is a list": with_edit(**LONG, content=["a", "b"]),
    "unknown op": with_edit(**{**LONG, "op": "rewrite_everything"}, content="- x"),
    "edits is a string": fenced({"edits": "none"}),
    "path out of the folder": with_edit(file="../../escaped.txt", op="create", content="x"),
    "absolute path": with_edit(file="/tmp/escaped.txt", op="create", content="x"),
    "protected script": with_edit(file="scripts/recalc.py", op="create", content="boom"),
    "deletes SKILL.md": with_edit(file="SKILL.md", op="delete_file", reason="it is bad " * 99),
    "deletes a section": with_edit(
        file="SKILL.md", op="delete_section", target_section="## Look first"
    ),
    "unclosed fence": with_edit(**LONG, content="```python\nx = 1"),
    "file without pointer": with_edit(file="references/lost.md", op="create", content="# Lost"),
    "pointer without file": with_edit(**LONG, content="- See [x](references/none.md)."),
    "names its task": with_edit(**LONG, content="- In task 705-15 the total was 7."),
    "empty anchor": with_edit(file="SKILL.md", op="insert_after", target_text=" ", content="- x"),
    "html": "<html><body>502</body></html>",
    "refused request": ContextOverflow("too long"),
}


@pytest.mark.parametrize("kind", BAD_REPLIES)
def test_a_single_bad_reply_changes_at_most_its_own_lesson(tmp_path: Path, kind: str) -> None:
    def spoil(
        role: str, number: int, messages: Sequence[Message]
    ) -> str | Reply | Exception | None:
        return (
            BAD_REPLIES[kind] if role == "map" and "Record 705-15 " in messages[1].content else None
        )

    def lines(bad: bool) -> set[str]:
        folder = make_skill(tmp_path / str(bad))
        source = make_records(tmp_path / "records.json", 12)
        assert run(folder, source, Author(spoil if bad else None), "--merge-batch-size", "4") == 0
        assert check_folder(Skill.load(folder)) == []
        assert not (tmp_path / "escaped.txt").exists()
        assert (folder / "scripts" / "recalc.py").read_text() == "print('recalculated')\n"
        return {line for text in Skill.load(folder).files.values() for line in text.splitlines()}

    own = {"- On unusual case 15 open [references/topic-15.md](references/topic-15.md).",
           "# Topic 15", "All about unusual case 15."}  # fmt: skip
    assert lines(False) ^ lines(True) <= own


def test_a_bad_merge_passes_its_members_on_and_nothing_is_lost(skill: Path, records: Path) -> None:
    def spoil(role: str, number: int, messages: Sequence[Message]) -> str | None:
        return "no" if role == "merge" else None

    assert (
        run(skill, records, Author(spoil), "--merge-batch-size", "3", "--max-merge-levels", "2")
        == 0
    )
    facts = summary_of(skill)
    assert facts["merges"]["by code"] == 1
    assert facts["leaves_lost_or_owned_twice"] == []
    assert any("merged by code" in failure for failure in facts["failures"])
    text = Skill.load(skill).text
    for topic in ("Keep dates as dates", "Copy the formats", "Case 3:", "Case 9:"):
        assert topic in text


def test_a_forgetful_merge_loses_nothing(skill: Path, records: Path) -> None:
    def spoil(role: str, number: int, messages: Sequence[Message]) -> str | None:
        if role != "merge":
            return None
        return with_edit(**LONG, content="- Look twice at column order.", sources=["p1.e1"])

    assert run(skill, records, Author(spoil), "--merge-batch-size", "4") == 0
    assert summary_of(skill)["leaves_lost_or_owned_twice"] == []
    assert "Keep dates as dates" in Skill.load(skill).text


def test_what_a_merge_invents_stays_out(skill: Path, records: Path) -> None:
    def spoil(role: str, number: int, messages: Sequence[Message]) -> str | None:
        if role != "merge":
            return None
        return with_edit(**LONG, content="- Download the tool from our server.")

    run(skill, records, Author(spoil), "--merge-batch-size", "4")
    assert "Download" not in Skill.load(skill).text
    assert summary_of(skill)["dropped"]["invented"] > 0


def test_an_endpoint_that_fails_leaves_the_skill_and_the_next_start_goes_on(
    skill: Path, records: Path
) -> None:
    before = snapshot(skill)
    paid: list[str] = []

    def spoil(role: str, number: int, messages: Sequence[Message]) -> Exception | None:
        if number > 7:
            return InfrastructureError("connection refused")
        paid.append(messages[1].content)
        return None

    with pytest.raises(Unfinished, match="connection refused"):
        run(skill, records, Author(spoil), "--max-workers", "2")
    assert snapshot(skill) == before
    assert list_backups(skill) == []
    again = Author()
    assert run(skill, records, again) == 0
    assert again.calls["map"] == 12 - len(paid)
    assert summary_of(skill)["calls"]["reused"] == len(paid)


@pytest.mark.parametrize(("where", "number"), [("map", 1), ("map", 7), ("merge", 1)])
def test_an_account_that_is_used_up_writes_no_skill_from_what_it_has(
    skill: Path, records: Path, where: str, number: int
) -> None:
    before = snapshot(skill)
    paid: list[int] = []

    def spoil(role: str, count: int, messages: Sequence[Message]) -> Exception | None:
        if role == where and count >= number:
            return EndpointRefused("the account is used up")
        paid.append(count)
        return None

    with pytest.raises(EndpointRefused, match="used up"):
        run(skill, records, Author(spoil), "--max-workers", "2")
    assert snapshot(skill) == before
    assert run(skill, records, Author()) == 0
    assert summary_of(skill)["calls"]["reused"] == len(paid)


def test_a_refused_prompt_costs_its_own_record(skill: Path, records: Path) -> None:
    refused: list[int] = []

    def spoil(role: str, count: int, messages: Sequence[Message]) -> Exception | None:
        if role == "map" and not refused:
            refused.append(count)
            return PromptRefused("flagged")
        return None

    assert run(skill, records, Author(spoil)) == 0
    (failure,) = summary_of(skill)["failures"]
    assert "flagged" in failure


@pytest.mark.parametrize("role", ["map", "merge"])
def test_the_bad_luck_of_one_call_ends_no_evolution(skill: Path, records: Path, role: str) -> None:
    met: list[int] = []

    def spoil(asked: str, number: int, messages: Sequence[Message]) -> Exception | None:
        if asked == role and not met:
            met.append(number)
            return InfrastructureError("gave up")
        return None

    assert run(skill, records, Author(spoil)) == 0
    assert len(met) == 1
    assert summary_of(skill)["failures"] == []


def test_the_same_evolution_is_not_paid_for_or_applied_twice(skill: Path, records: Path) -> None:
    run(skill, records, Author())
    evolved = snapshot(skill)
    idle = Author()
    assert run(skill, records, idle) == 0
    assert idle.calls == {}
    assert snapshot(skill) == evolved
    (skill / "SKILL.md").write_text(SKILL)  # a plain copy of the seed over the evolved folder
    assert run(skill, records, idle) == 0
    assert idle.calls == {}
    assert snapshot(skill) == evolved


def test_a_reply_that_could_not_be_read_is_asked_for_again_by_the_next_start(
    skill: Path, records: Path
) -> None:
    def spoil(role: str, number: int, messages: Sequence[Message]) -> str | None:
        return "no" if role == "map" and "Record 700-10 " in messages[1].content else None

    run(skill, records, Author(spoil))
    failures = skill.parent.parent / "parse_failures_parallel"
    text = (failures / "map_0001.md").read_text()
    assert text.count("## ASSISTANT\n\nno") == 3
    assert "could not be read" in text
    (skill / "SKILL.md").write_text(SKILL)
    again = Author()
    run(skill, records, again)
    assert again.calls["map"] == 1


def test_seeds_and_settings_are_part_of_what_a_reply_is_kept_for(
    skill: Path, records: Path
) -> None:
    run(skill, records, Author())
    (skill / "SKILL.md").write_text(SKILL)
    other = Author()
    other.seed = 42  # type: ignore[attr-defined]
    run(skill, records, other)
    assert other.calls["map"] == 12


TIGHT = """---
name: xlsx
description: Sections too short to move away
---

# Sheets

## Write

Text.

## Check

- Read it back.
"""


def test_a_skill_that_breaks_a_rule_is_not_written(tmp_path: Path, skill: Path) -> None:
    (skill / "SKILL.md").write_text(TIGHT)
    before = snapshot(skill)
    limit = str(len(TIGHT.splitlines()) + 1)
    author = Author()
    source = make_records(tmp_path / "one.json", 2)
    assert run(skill, source, author, "--max-skill-lines", limit) == NOT_WRITTEN
    assert author.calls["verification"] == 3
    assert snapshot(skill) == before
    assert list_backups(skill) == []
    assert "has to stay under" in summary_of(skill)["problems"][0]


def test_the_model_may_repair_what_breaks_a_rule(tmp_path: Path, skill: Path) -> None:
    def mend(role: str, number: int, messages: Sequence[Message]) -> str | None:
        if role != "verification":
            return None
        assert "has to stay under" in messages[1].content
        edit = {"file": "SKILL.md", "op": "delete_section", "target_section": "## Check"}
        return with_edit(**edit, reason="it repeats what every agent knows and does anyway")

    (skill / "SKILL.md").write_text(TIGHT)
    limit = str(len(TIGHT.splitlines()) + 1)
    source = make_records(tmp_path / "one.json", 2)
    assert run(skill, source, Author(mend), "--start-idx", "1", "--max-skill-lines", limit) == 0
    assert summary_of(skill)["repairs"] == 1
    assert "## Check" not in Skill.load(skill).text


def test_an_over_long_skill_is_split_into_references(tmp_path: Path, skill: Path) -> None:
    source = make_records(tmp_path / "many.json", 40)
    assert run(skill, source, Author(), "--max-skill-lines", "40") == 0
    after = Skill.load(skill)
    assert len(after.text.splitlines()) < 40
    assert check_folder(after, 40) == []
    assert "Keep dates as dates" in "".join(after.files.values())
    assert summary_of(skill)["sections_moved"]


def test_min_support_drops_and_routing_keeps(tmp_path: Path) -> None:
    source = make_records(tmp_path / "records.json", 12)
    one, two = make_skill(tmp_path / "1"), make_skill(tmp_path / "2")
    run(one, source, Author(), "--min-support", "2")
    assert "Case 3" not in Skill.load(one).text
    assert "Keep dates" in Skill.load(one).text
    assert summary_of(one)["dropped"]["min-support"] > 0
    assert run(two, source, Author(), "--route-low-support") == 0
    after = Skill.load(two)
    assert "Case 3" not in after.text
    assert "Case 3" in after.files["references/rare-cases.md"]
    assert check_folder(after) == []


def test_embedded_provenance_stays_out_of_the_body(skill: Path, records: Path) -> None:
    assert run(skill, records, Author(), "--embed-provenance") == 0
    after = Skill.load(skill)
    assert "700-10" in str(after.metadata["metadata"])
    assert "700-10" not in after.body
    assert check_folder(after) == []


def test_runs_that_were_only_counted_order_lessons_and_are_no_support(tmp_path: Path) -> None:
    source = make_records(tmp_path / "records.json", 7)
    records = load_records(source)
    last = records[6].model_copy(update={"counted": ("9-1", "9-2", records[6].instance_id)})
    save_records(source, [*records[:6], last])
    skill = make_skill(tmp_path / "one")
    run(skill, source, Author())
    _, provenance, _ = explain(skill)
    alone = [lesson for lesson in provenance.lessons if lesson.support == 1]
    assert len(alone) > 1
    assert (alone[0].runs, alone[0].counted) == ((last.instance_id,), 2)
    assert [lesson.counted for lesson in alone[1:]] == [0] * (len(alone) - 1)
    assert alone[0].weight == "1 (+2 counted)"
    assert "1 trajectory, 2 more of the class counted" in release_notes(provenance)
    other = make_skill(tmp_path / "two")
    run(other, source, Author(), "--min-support", "2")
    assert all(lesson.support > 1 for lesson in explain(other)[1].lessons)


def test_the_change_log_reads_like_release_notes(skill: Path, records: Path) -> None:
    run(skill, records, Author())
    text = (skill.parent.parent / "skills_evolution" / "xlsx" / "change.log").read_text()
    assert "## Seen in several runs" in text
    assert "- **Keep dates as dates when cells are written** (L" in text
    assert "2 trajectories: 701-11, 709-19) - SKILL.md" in text or "trajectories:" in text


def test_the_backup_lies_outside_the_skills_root(skill: Path, records: Path) -> None:
    before = Skill.load(skill).digest
    run(skill, records, Author())
    assert [p.parent.name for p in skill.parent.rglob("SKILL.md")] == ["xlsx"]
    assert [Skill.load(p).digest for p in list_backups(skill)] == [before]

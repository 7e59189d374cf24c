"""An evolution is told by settings, as the published commands are, and gives a typed result."""

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evolving import Author, intermediates_of, job_of, make_records, run, summary_of
from project import ROOT

from react_agent.errors import ContractError
from react_agent.flags import as_argv, parser_of, read
from react_agent.model import Body, Message, Reply
from react_agent.models.settings import ModelSettings
from react_agent.registry import SKILL_FORMATS, find
from react_agent.skill_format import Problem, SkillFormat
from react_agent.skills import Skill, list_backups
from skill_evolver.engine.evolution import evolve
from skill_evolver.engine.inputs import load_entries
from skill_evolver.engine.result import NOT_WRITTEN
from skill_evolver.engine.settings import (
    CombinedEvolution,
    Evolution,
    RecordsEvolution,
    Stability,
)
from skill_evolver.patches.agentskills import AgentSkills

PUBLISHED: dict[str, Any] = {
    "data_path": None,
    "seed": None,
    "cache_path": None,
    "batch_size": 1,
    "merge_batch_size": 5,
    "max_workers": 4,
    "max_merge_levels": 5,
    "start_idx": 0,
    "end_idx": None,
    "shuffle_seed": None,
    "sample_task_count": None,
    "sample_task_seed": None,
    "continue_evolving": False,
    "dry_run": False,
    "max_skill_lines": 500,
    "max_tokens": None,
    "output_dir": None,
    "save_intermediates": False,
    "intermediates_dir": None,
    "parse_failure_dir": Path("parse_failures_parallel"),
    "changelog": None,
    "patch_file": None,
    "prompt": "skill",
    "input_mode": "auto",
    "skip_translation": False,
    "patch_pipeline": "json",
    "semantic_item_marker_format": "bracket",
    "disable_json_format_self_fix": False,
}


class Endpoint:
    """An author behind the wire; counts the requests and keeps their settings."""

    def __init__(self) -> None:
        self.author, self.bodies = Author(), list[Body]()

    async def send(self, body: Body) -> Reply:
        self.bodies.append(body)
        return await self.author.reply([Message(**m) for m in body["messages"]])


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return make_records(tmp_path / "records.json", 12)


def told(skill: Path, records: Path, **more: Any) -> Evolution:
    base = skill.parent.parent
    return Evolution(
        skill_dir=skill, error_json=records, parse_failure_dir=base / "failures", **more
    )


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (Evolution, []),
        (RecordsEvolution, ["--input-json", "r"]),
        (CombinedEvolution, ["--error-json", "r", "--success-json", "s"]),
    ],
)
def test_the_published_flags_and_defaults(kind: type[Evolution], needed: list[str]) -> None:
    parser = parser_of(kind, "")
    found = read(kind, parser.parse_args(["--skill-dir", "x", *needed]))
    assert {name: getattr(found, name) for name in PUBLISHED} == PUBLISHED
    assert (found.model.default_temperature, found.model.temperature) == (0.6, None)
    for name in PUBLISHED.keys() - {"prompt"}:
        assert f"--{name.replace('_', '-')}" in parser.format_help()
    assert ("--prompt " in parser.format_help()) == (kind is not CombinedEvolution)
    capped = parser.parse_args(["--skill-dir", "x", *needed, "--max-total-tokens", "9"])
    assert read(kind, capped).model.budget.max_tokens == 9
    assert read(kind, parser.parse_args(as_argv(replace(found, seed=4)))).seed == 4


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"merge_batch_size": 1}, "merge_batch_size: 1"),
        ({"max_workers": 0}, "max_workers"),
        ({"allow_flagged": ("all",)}, "neither a rule"),
        ({"shuffle_seed": 1, "sample_task_seed": 2}, "one setting"),
    ],
)
def test_settings_that_do_not_fit_are_refused(more: Mapping[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        Evolution(skill_dir=Path("x"), **more)


def test_without_records_there_is_nothing_to_learn_from(skill: Path) -> None:
    with pytest.raises(ContractError, match="nothing to learn from"):
        asyncio.run(evolve(Evolution(skill_dir=skill)))


def test_a_python_user_evolves_with_settings_and_gets_a_result(
    skill: Path, records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint, shown = Endpoint(), []
    settings = told(skill, records, seed=41, max_tokens=77, model=ModelSettings(model="m"))
    result = asyncio.run(evolve(settings, transport=endpoint, show=shown.append))
    assert (result.skill, result.written, result.code) == (skill, True, 0)
    assert result.problems == result.owed == ()
    assert "SKILL.md" in result.changed
    assert {lesson.title for lesson in result.lessons} >= {
        "Keep dates as dates when cells are written"
    }
    assert shown == [result.diff]
    assert "+- Keep dates as dates" in result.diff
    assert result.summary == summary_of(skill)
    assert {(b["seed"], b["max_tokens"]) for b in endpoint.bodies} == {(41, 77)}
    assert capsys.readouterr().out == ""
    again = asyncio.run(evolve(settings, transport=endpoint))
    assert (again.written, again.code, again.lessons) == (False, 0, ())
    assert "already" in again.text


def test_an_estimate_calls_nobody(skill: Path, records: Path) -> None:
    result = asyncio.run(evolve(told(skill, records, estimate=True)))
    assert "MAP        12 calls" in result.text
    assert not intermediates_of(skill).exists()


def test_a_dry_run_does_all_but_write_and_is_not_paid_twice(
    tmp_path: Path, skill: Path, records: Path
) -> None:
    before, author = Skill.load(skill).digest, Author()
    copy = ["--output-dir", str(tmp_path / "copy")]
    assert run(skill, records, author, "--dry-run", *copy) == 0
    assert Skill.load(skill).digest == before
    assert list_backups(skill) == []
    assert not (tmp_path / "copy").exists()
    assert author.calls == {"map": 12, "merge": 3}
    assert "Keep dates" in (intermediates_of(skill) / "applied_diffs.patch").read_text()
    assert run(skill, records, author, *copy) == 0
    assert author.calls == {"map": 12, "merge": 3}
    assert Skill.load(skill).digest != before


def test_the_output_folder_gets_the_final_skill_and_keeps_what_else_it_holds(
    tmp_path: Path, skill: Path, records: Path
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "mine.txt").write_text("mine")
    flags = ["--output-dir", str(copy)]
    for _ in range(2):  # the second start finds all done, and a copy that was lost
        assert run(skill, records, Author(), *flags) == 0
        assert (copy / "mine.txt").read_text() == "mine"
        (copy / "mine.txt").unlink()
        assert Skill.load(copy).files == Skill.load(skill).files
        assert (copy / "scripts" / "recalc.py").is_file()
        (copy / "SKILL.md").unlink()
        (copy / "mine.txt").write_text("mine")
    assert summary_of(skill)["written"]


@pytest.mark.parametrize("where", ["xlsx/copy", "."])
def test_the_copy_is_not_put_into_the_skill_or_around_it(
    skill: Path, records: Path, where: str
) -> None:
    with pytest.raises(ContractError, match="its own place"):
        job_of(skill, records, "--output-dir", str(skill.parent / where))
    job_of(skill, records, "--output-dir", str(skill))


def test_replies_that_an_earlier_version_kept_are_found(skill: Path, records: Path) -> None:
    job = job_of(skill, records)
    assert job.places.intermediates == intermediates_of(skill)
    (job.places.home / "intermediates" / "calls").mkdir(parents=True)
    assert job_of(skill, records).places.intermediates == job.places.home / "intermediates"


def keys(records: Path, **chosen: Any) -> list[str]:
    entries, _ = load_entries(Evolution(skill_dir=records, error_json=records, **chosen))
    return [entry.key for entry in entries]


@pytest.fixture
def names(records: Path) -> list[str]:
    return [record["instance_id"] for record in json.loads(records.read_text())]


@pytest.fixture
def tasks(tmp_path: Path, names: list[str]) -> Path:
    file = tmp_path / "dataset.json"
    about = {"instruction": "i", "instruction_type": "t", "answer_position": "A1"}
    file.write_text(json.dumps([{"id": name, **about} for name in [*names, "900-1", "900-2"]]))
    return file


def shuffled(names: list[str], seed: int) -> list[str]:
    order = list(names)
    random.Random(seed).shuffle(order)
    return order


def test_records_are_shuffled_and_then_sliced(records: Path, names: list[str]) -> None:
    chosen = keys(records, start_idx=2, end_idx=6, shuffle_seed=5)
    assert chosen == shuffled(names, 5)[2:6]
    assert keys(records, start_idx=2, end_idx=6) == names[2:6]


def test_tasks_are_shuffled_sliced_and_the_first_ones_taken(
    records: Path, tasks: Path, names: list[str]
) -> None:
    wanted = shuffled([*names, "900-1", "900-2"], 5)[1:9][:4]
    chosen = keys(
        records, data_path=tasks, start_idx=1, end_idx=9, shuffle_seed=5, sample_task_count=4
    )
    assert chosen == [name for name in names if name in wanted]


def test_without_a_data_set_a_sample_is_drawn_in_the_order_of_the_file(
    records: Path, names: list[str]
) -> None:
    chosen = keys(records, shuffle_seed=7, sample_task_count=5)
    assert chosen == [n for n in names if n in random.Random(7).sample(names, 5)]
    assert keys(records, sample_task_count=99) == names


def test_the_seed_of_a_sample_is_the_seed_of_the_shuffle(skill: Path, records: Path) -> None:
    one, two = (
        [e.key for e in job_of(skill, records, "--sample-task-count", "4", flag, "7").entries]
        for flag in ("--shuffle-seed", "--sample_task_seed")
    )
    assert one == two


def test_the_second_record_of_a_run_counts_as_none(tmp_path: Path, records: Path) -> None:
    found = json.loads(records.read_text())
    double = {**found[0], "instance_id": f"{found[0]['instance_id']}_prompt"}
    alone = {**found[1], "instance_id": "13-1_prompt"}
    file = tmp_path / "doubled.json"
    file.write_text(json.dumps([*found, double, alone]))
    assert keys(file) == [*keys(records), "13-1_prompt"]


def test_patterns_of_the_release_show_the_errors_that_they_cover(tmp_path: Path) -> None:
    text = "Read the header from row 1 although a title stood there."
    pattern = {"index": 1, "title": "Header", "description": "Find it."}
    groups = {
        "failure_cause": [{**pattern, "covered_specific_errors": text}],
        "success_memory": [{**pattern, "covered_specific_successes": ["Looked first.", text]}],
        "failure_memory": [{**pattern, "covered_specific_errors": ["13-1", "13-2", "13-1"]}],
    }
    file = tmp_path / "patterns.json"
    file.write_text(json.dumps(groups))
    entries, patterns = load_entries(Evolution(skill_dir=tmp_path, error_json=file))
    cause, memory, success = entries
    assert patterns
    assert f"Errors it covers: {text}" in cause.text
    assert "Successes it covers: - Looked first." in success.text
    assert text in success.text
    assert [run.key for run in memory.runs] == ["13-1", "13-2"]
    assert "over 2 cases" in memory.text
    assert [len(entry.runs) for entry in entries] == [1, 2, 1]


def test_the_change_log_begins_with_counts_changes_and_the_diff(skill: Path, records: Path) -> None:
    run(skill, records, Author())
    log = (skill.parent.parent / "skills_evolution" / "xlsx" / "change.log").read_text()
    counts, changes, diff, ours = (
        log.index(part)
        for part in ("- records: 12, of 12", "## Changes", "```diff\n", "## Seen in several runs")
    )
    assert counts < changes < diff < ours
    assert "- SKILL.md: append_to_section: Keep dates as dates" in log[changes:diff]
    patch = (intermediates_of(skill) / "applied_diffs.patch").read_text()
    # The skill's own fences stand in the diff, so the log's is longer.
    assert patch.rstrip() in log


def test_patches_name_their_batch_and_every_field_of_a_place(skill: Path, records: Path) -> None:
    run(skill, records, Author(), "--save-intermediates")
    for name in ("map_patches/patch_0002.json", "merge_level_1/merged_0002.json"):
        patch = json.loads((intermediates_of(skill) / name).read_text())
        assert patch["batch_index"] == 2
        assert patch["edits"]
        for edit in patch["edits"]:
            assert {"file", "op", "target_section", "target_text", "old_text", "content",
                    "after_section"} <= edit.keys()  # fmt: skip


class Strict(AgentSkills):
    """A format of somebody's own: it does not bear one word, and counts what it writes."""

    written: list[Path] = []  # noqa: RUF012

    def write(self, folder: Path, files: Mapping[str, str]) -> None:
        self.written.append(folder)
        super().write(folder, files)

    def check(self, skill: Skill, max_lines: int, *, on_disk: bool = False) -> list[Problem]:
        found = [Problem("word", p, "says dates") for p, t in skill.files.items() if "dates" in t]
        return [*super().check(skill, max_lines, on_disk=on_disk), *found]


@pytest.mark.parametrize("word", [True, False])
def test_a_skill_goes_through_the_format_that_is_named(
    tmp_path: Path, skill: Path, word: bool
) -> None:
    Strict.written.clear()
    records = make_records(tmp_path / "r.json", 12 if word else 1)
    settings = told(skill, records, skill_format=f"{__name__}:Strict", embed_provenance=True)
    result = asyncio.run(evolve(settings, transport=Endpoint()))
    assert result.code == (NOT_WRITTEN if word else 0)
    assert Strict.written == ([] if word else [skill])
    assert any("says dates" in problem for problem in result.problems) == word


def test_every_format_by_name_is_one() -> None:
    for name in SKILL_FORMATS:
        form: SkillFormat = find(SKILL_FORMATS, "the skill format", name)()
        seed = form.read(ROOT / "spreadsheet_agent" / "skills" / "xlsx")
        assert form.check(seed, 500, on_disk=True) == []
    with pytest.raises(ContractError, match="agentskills"):
        find(SKILL_FORMATS, "the skill format", "other")


def test_stability_takes_the_settings_of_an_evolution() -> None:
    found = read(Stability, parser_of(Stability, "").parse_args(["--skill-dir", "x", "--times=2"]))
    assert (found.times, found.merge_batch_size) == (2, 5)

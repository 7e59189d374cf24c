"""The paper's figures add up, and a run of one's own is placed beside them or said not to be."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from project import SHARED
from verdictfiles import SETTINGS, write_run

from react_agent.cli import BAD_INPUT, OK
from react_agent.errors import ContractError
from react_agent.files import digest, write_json
from react_agent.registry import DOMAINS, find
from react_agent.skills import Skill
from reporting.comparing.entrants import load_entrant
from reporting.ledger import command as ledger
from reporting.ledger.deviations import SAMPLING
from reporting.ledger.matching import Own, identify
from reporting.ledger.origins import Unmatched
from reporting.ledger.paper import PaperRow, load_rows
from reporting.ledger.published import load_published
from reporting.ledger.rows import LedgerTable, fill
from skill_evolver.engine.history import Provenance, note_change, save_provenance
from skill_evolver.engine.inputs import Run
from spreadsheet_agent import SKILLS
from spreadsheetbench.audit.task import examine
from spreadsheetbench.tasks.dataset import Dataset

ROWS = load_rows()
IDS = ["13-1", *(f"{number}-7" for number in range(1, 399)), "59902"]


def figure(table: str, version: str, row: str, user: str | None, benchmark: str) -> PaperRow:
    (found,) = (
        r
        for r in ROWS
        if (r.table, r.version, r.row, r.user, r.benchmark)
        == (table, version, row, user, benchmark)
    )
    return found


def table_1(version: str) -> Iterator[tuple[str, Callable[[str | None, str], PaperRow]]]:
    names = dict.fromkeys(r.row for r in ROWS if (r.table, r.version) == ("Table 1", version))
    assert len(names) == 15
    for name in names:
        yield name, lambda user, mark, name=name: figure("Table 1", version, name, user, mark)  # type: ignore[misc]


@pytest.mark.parametrize(("version", "others"), [("V3", ["WikiTQ"]), ("V5", ["WikiTQ", "HiTab"])])
def test_every_average_of_table_1_is_that_of_its_cells(version: str, others: list[str]) -> None:
    """Half the mean of six SpreadsheetBench cells, half that of the other data sets' cells."""
    for name, cell in table_1(version):
        halves = [
            [cell(user, mark).value for user in ("122B", "35B") for mark in marks]
            for marks in (["Vrf", "Soft", "Hard"], others)
        ]
        average = sum(sum(half) / len(half) for half in halves) / 2
        assert cell(None, "Avg").value == pytest.approx(average, abs=0.0151), name


@pytest.mark.parametrize("version", ["V3", "V5"])
def test_every_gain_is_over_the_seed_skill(version: str) -> None:
    cells = dict(table_1(version))
    for row in (r for r in ROWS if (r.table, r.version) == ("Table 1", version) and r.author):
        seed = cells["Human-Written" if row.mode == "deepening" else "Parametric"]
        assert row.delta is not None
        assert row.value == pytest.approx(
            seed(row.user, row.benchmark).value + row.delta, abs=0.0151
        )


@pytest.mark.parametrize(("version", "table"), [("V3", "Table 6"), ("V5", "Table 12")])
def test_the_agentic_rows_are_those_of_table_1(version: str, table: str) -> None:
    agentic = [r for r in ROWS if (r.table, r.version, r.method) == (table, version, "agentic")]
    assert len(agentic) == (36 if version == "V3" else 44)
    for row in agentic:
        name = row.row.removesuffix(", agentic")
        assert row.value == pytest.approx(
            figure("Table 1", version, name, row.user, row.benchmark).value, abs=0.0151
        )


def test_versions_differ_in_the_four_rows_that_v5_replaced() -> None:
    differ = {
        new.row
        for new in ROWS
        if (new.table, new.version) == ("Table 1", "V5") and new.benchmark not in ("HiTab", "Avg")
        if new.value != figure("Table 1", "V3", new.row, new.user, new.benchmark).value
    }
    assert differ == {
        "122B Deep +Success",
        "35B Deep +Success",
        "122B Create +Combined",
        "35B Create +Combined",
    }


def test_some_figures_by_hand() -> None:
    best = figure("Table 1", "V5", "122B Deep +Combined", "122B", "Vrf")
    assert (best.value, best.delta, best.std) == (69.83, 21.5, 9.53)
    assert figure("Table 1", "V3", "122B Deep +Success", "122B", "Vrf").value == 26.5
    assert figure("Table 2", "V5", "No Skill", "122B", "DAPO-test").value == 91.0
    assert figure("Table 2", "V3", "No Skill", "122B", "DAPO-test").value == 92.0
    assert figure("Table 3", "V5", "122B Create +Combined", "122B", "DocVQA ANLS").value == 0.8834
    assert figure("Table 4", "V3", "Parallel", None, "skill generation time").unit == "min"
    unique = {(*row.line, row.benchmark) for row in ROWS}
    assert len(unique) == len(ROWS) == 715


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set with the size and the ends of SpreadsheetBench Verified."""
    folder = tmp_path / "verified"
    write_json(folder / "dataset.json", [{"id": task, "instruction": "x"} for task in IDS])
    return folder


def run_of(root: Path, data: Path, ids: list[str] = IDS[200:], **settings: Any) -> Path:
    """Every third task is solved."""
    return write_run(
        root,
        {task: [number % 3 == 0] for number, task in enumerate(ids)},
        settings={"dataset": digest((data / "dataset.json").read_bytes()), **settings},
        data_path=str(data),
    )


def place(path: Path, data: Path | None = None) -> Own:
    return identify(load_entrant("A", path), data)


PAPERS = {"model": "Qwen3.5-122B-A10B", "source": "live", "generation": dict(SAMPLING)}


def test_a_row_is_run_only_where_nothing_is_known_to_differ(tmp_path: Path, data: Path) -> None:
    for seed in (41, 42, 43):
        run_of(tmp_path / "no_skill" / f"seed_{seed}", data, seed=seed, model=PAPERS)
    own = place(tmp_path / "no_skill")
    assert {text.partition(":")[0] for text in own.deviations} == ALWAYS
    deviating = fill(ROWS, [own], {})
    assert deviating.counts == {"run": 0, "deviating": 3, "not run": 712}
    kept = fill(ROWS, [replace(own, deviations=())], {})
    run = [row for row in kept.rows if row.status == "run"]
    assert {(row.paper.table, row.paper.version) for row in run} == {
        ("Table 1", "V3"),
        ("Table 1", "V5"),
        ("App. G", "V5"),
    }
    assert {(row.paper.user, row.paper.benchmark) for row in run} == {("122B", "Vrf")}
    assert run[0].own[0].value == pytest.approx(100 * 67 / 200)
    assert run[0].own[0].std == 0.0
    assert kept.counts == {"run": 3, "deviating": 0, "not run": 712}


ALWAYS = {"prompts and preview", "harness", "environment", "sampling"}
"""What no run of this toolkit has as the paper's had it, or as the paper says it was."""


def test_each_setting_that_differs_is_named(tmp_path: Path, data: Path) -> None:
    model = {**SETTINGS["model"], "model": "Qwen/Qwen3.5-35B-A3B-FP8", "generation": {}}
    own = place(run_of(tmp_path / "a", data, max_turns=20, model=model, seed=41))
    assert own.user == "35B"
    assert {
        "model Qwen/Qwen3.5-35B-A3B-FP8, a variant of the paper's qwen3.5-35b-a3b",
        "max_turns 20, the paper's 100",
        "seeds 41, the paper's 41, 42, 43",
    } == {text for text in own.deviations if text.partition(":")[0] not in ALWAYS}
    statuses = {row.status for row in fill(ROWS, [own], {}).rows}
    assert statuses == {"deviating", "not run"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prompts": {"edition": "paper-1", "digest": "x"}}, ["edition paper-1 of this toolkit"]),
        ({"prompts": {"edition": "paper-1"}}, ["preview: this toolkit's, edition paper-1"]),
        ({"prompts": {"edition": "own", "digest": "feed" * 16}}, ["the user's own (feedfeedfe"]),
        ({}, ["no edition noted", "sandbox not noted", "its Python packages not noted"]),
        ({"sandbox": "bwrap"}, ["environment: sandbox bwrap"]),
        ({"harness": "mini-swe-agent"}, ["harness: mini-swe-agent"]),
        ({}, ["top_k not sent, the paper's 40", "temperature 1.0, its code sends 0.7"]),
        ({"model": PAPERS}, ["sampling: temperature 1.0, its code sends 0.7"]),
        (
            {"model": {**PAPERS, "generation": {**SAMPLING, "temperature": 0.7, "max_tokens": 9}}},
            ["temperature 0.7, the paper's 1.0; max_tokens 9"],
        ),
        ({"case_timeout": 60}, ["a case ends after 60 s"]),
    ],
)
def test_every_row_says_prompts_preview_harness_environment_and_sampling(
    tmp_path: Path, data: Path, settings: dict[str, Any], said: list[str]
) -> None:
    own = place(run_of(tmp_path / "a", data, **settings))
    for row in fill(ROWS, [own], {}).rows:
        for number in row.own:
            text = "; ".join(number.deviations)
            assert all(one in text for one in (*said, "harness", "environment", "sampling"))


def test_a_number_stands_among_the_published_ones(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one of a model that the paper has no row for, and of a part of the tasks."""
    model = {**SETTINGS["model"], "model": "other-model"}
    run = run_of(tmp_path / "mine", data, IDS[200:209], model=model)
    assert ledger.main([str(run), "--data_path", str(data), "--matched"]) == OK
    printed = " ".join(capsys.readouterr().out.split())
    assert "other-model is none of the paper's" in printed
    order = ["27.67", f"33.33 [yours] {run}, rows 200:209", "48.33", "55.50", "68.83 +- 0.79"]
    places = [printed.rindex(one) for one in order]
    assert places == sorted(places)


def test_what_is_said_of_golds_is_so() -> None:
    """By our own audit; the other half of the data set is not here."""
    source = SHARED / "spreadsheetbench_verified_first200"
    if not source.is_dir():
        pytest.skip(f"{source} is missing")
    dataset = Dataset.load(source)
    for fault in load_published().gold:
        here = fault.task in dataset.by_id
        assert here == (fault.half == "0:200")
        if here:
            found = examine(dataset, dataset.by_id[fault.task])
            assert any(
                KINDS[finding.kind] in fault.finding for finding in found if finding.kind in KINDS
            )


KINDS = {
    "gold fails": "nothing can pass",
    "gold fails by other rules": "gold fails against itself",
    "input passes": "input passes",
    "empty gold": "holds no value",
    "uncalculated gold": "formulas without a value",
    "rounding tie": "rounding tie",
}


@pytest.mark.parametrize(
    ("settings", "ids", "reason"),
    [
        ({"model": {**SETTINGS["model"], "model": "gpt-4o"}}, IDS[200:], "gpt-4o is none of"),
        ({"model": {**SETTINGS["model"], "source": "replay"}}, IDS[200:], "recorded replies"),
        ({}, IDS[200:210], r"evaluated rows 200:210, where the paper has rows 200:400"),
        ({}, IDS[::2], "200 tasks scattered"),
        ({"dataset": "0" * 64}, IDS[200:], "data set it was run on is not at"),
        ({"agent": "mine"}, IDS[200:], "agent mine is none"),
        (
            {"agent": "cli_skill_preloaded", "skill": {"name": "x", "digest": "0" * 64}},
            IDS[200:],
            "no longer at",
        ),
    ],
)
def test_what_cannot_be_placed_is_not_guessed(
    tmp_path: Path, data: Path, settings: dict[str, Any], ids: list[str], reason: str
) -> None:
    with pytest.raises(Unmatched, match=reason):
        place(run_of(tmp_path / "a", data, ids, **settings))


def test_the_bundled_seed_skills_are_said_to_be_no_skills_of_the_papers(
    tmp_path: Path, data: Path
) -> None:
    skill = {"name": "xlsx", "digest": Skill.load(SKILLS / "xlsx").digest}
    own = place(run_of(tmp_path / "a", data, agent="cli_skill_preloaded", skill=skill))
    assert own.origin.mode == "human-written"
    assert any("toolkit's own xlsx" in text for text in own.deviations)
    rows = [row.paper.row for row in fill(ROWS, [own], {}).rows if row.own]
    assert set(rows) == {
        "Human-Written",
        "122B traces, deepening: base",
        "35B traces, deepening: base",
    }


def evolved(root: Path, lessons: str, report: str, tasks: list[str], **more: Any) -> Path:
    """A skill folder with the history that an evolution leaves beside it."""
    name = str(more.pop("seed", "xlsx-basic"))
    folder = root / "skills" / name
    shutil.copytree(SKILLS / name, folder)
    if more.pop("draft", False):
        (folder / "SKILL.md").write_text(f"---\nname: {name}\ndescription: Count.\n---\nCount.\n")
    before = Skill.load(folder).files
    (folder / "SKILL.md").write_text(before["SKILL.md"] + "\n- Look twice.\n")
    model = "Qwen3.5-122B-A10B"
    runs = {
        task: Run(key=task, task=task, kind="error", report=f"x/{report}", model=model)
        for task in tasks
    }
    provenance = Provenance(
        skill=name,
        created="",
        settings={"lessons": lessons, "codec": "json", "model": model, **more},
        base=before,
        runs=runs,
    )
    save_provenance(root / "provenance.json", provenance)
    after = Skill.load(folder).files
    note_change(folder, "evolved", before, after, None, root / "provenance.json")
    return folder


def run_with(skill: Path, name: str, run: Path, data: Path) -> Path:
    told = {"name": name, "digest": Skill.load(skill).digest}
    run = run_of(run, data, agent="cli_skill_preloaded", skill=told)
    record = json.loads((run / "outputs/run.json").read_text())
    record["sessions"][0]["environment"]["skills_dir"] = str(skill.parent)
    write_json(run / "outputs/run.json", record)
    return run


@pytest.mark.parametrize(
    ("report", "tables"),
    [
        ("analysis_report.md", {"Table 1", "Table 6", "Table 12", "App. H"}),
        ("error_analysis_5.md", {"Table 6", "Table 12"}),
        ("other.md", set()),
    ],
)
def test_an_evolved_skill_is_placed_by_its_history(
    tmp_path: Path, data: Path, report: str, tables: set[str]
) -> None:
    folder = evolved(tmp_path, "error", report, [IDS[3], IDS[250]])
    run = run_with(folder, "xlsx-basic", tmp_path / "a", data)
    own = place(run)
    assert (own.origin.mode, own.origin.author, own.origin.signal) == ("creation", "122B", "error")
    assert "lessons from 1 tasks outside rows 0:200" in own.deviations
    kept = fill(ROWS, [own], {})
    placed = [row.paper for row in kept.rows if row.own]
    assert {row.table for row in placed} == tables
    assert all(row.method == "single call" for row in placed) == (report != "analysis_report.md")
    if not tables:
        assert "no row has user 122B, creation" in kept.not_matched[0].reason
    (folder / "SKILL.md").write_text("changed")
    with pytest.raises(Unmatched, match="has changed since the run"):
        place(run)


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"mode": "parallel", "merge_batch_size": 32}, {"35B Deep +Error": 0}),
        ({"mode": "sequential", "batch_size": 4}, {"Sequential B=4": 2}),
        ({"mode": "sequential", "batch_size": 2}, {}),
    ],
)
def test_a_sequential_evolution_stands_beside_the_papers_own(
    tmp_path: Path, data: Path, settings: dict[str, Any], rows: dict[str, int]
) -> None:
    folder = evolved(tmp_path, "error", "analysis_report.md", [IDS[3]], seed="xlsx", **settings)
    run = run_with(folder, "xlsx", tmp_path / "a", data)
    own = place(run)
    placed = [row.paper for row in fill(ROWS, [own], {}).rows if row.own]
    sequential = settings["mode"] == "sequential"
    assert {row.method or "" for row in placed if sequential} <= {
        f"sequential B={settings.get('batch_size')}"
    }
    for name, count in rows.items():
        assert sum(row.row == name for row in placed) == count
    said = " ".join(own.deviations)
    assert ("merge batch" in said) is False
    assert "analysts and evolver: this toolkit's prompts" in said
    assert "its code sends 0.6" in said


def test_all_forms_hold_every_row(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = data.relative_to(tmp_path)
    run = run_of(Path("mine_&_yours"), data, seed=41)
    other = write_run(Path("other"), "10", settings={})
    flags = [f"--{kind}={tmp_path / kind}" for kind in ("json", "markdown", "csv", "latex")]
    assert ledger.main([str(run), str(other), "--data_path", str(data), *flags]) == OK
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "[yours 33.50]" in printed
    assert "other: not matched: " in printed
    kept = LedgerTable.model_validate_json((tmp_path / "json").read_text())
    assert len(kept.rows) == 715
    assert next(own.files for row in kept.rows for own in row.own)[0].endswith("results.json")
    assert len(list(csv.DictReader((tmp_path / "csv").open()))) == 715
    latex = (tmp_path / "latex").read_text()
    assert (
        len(re.findall(r"^(?:Table|App\.) [\w.]+ & V[35] & .* \\\\$", latex, re.MULTILINE)) == 715
    )
    markdown = (tmp_path / "markdown").read_text()
    assert "- [2] `mine_&_yours/outputs/eval_official_results.json`" in markdown
    assert ledger.main([str(run), "--data_path", str(data), "--matched"]) == OK
    assert "not run  " not in capsys.readouterr().out


def test_without_results_all_is_not_run_and_a_wrong_path_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger.main([]) == OK
    assert "715 figures: 0 run, 0 deviating, 715 not run" in capsys.readouterr().out
    assert ledger.main([str(tmp_path / "none")]) == BAD_INPUT


def test_a_broken_table_file_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "t.json", {"rows": [{"table": "Table 1"}]})
    with pytest.raises(ContractError, match=r"t\.json"):
        load_rows(tmp_path / "t.json")


def numbers(path: Path, count: int, numbered: bool) -> Path:
    path.parent.mkdir(parents=True)
    rows = [{"problem": f"What is {n}?", "answer": str(n)} for n in range(1, count + 1)]
    more = [row | {"problem_idx": n} for n, row in enumerate(rows, start=1)] if numbered else rows
    path.write_text("".join(f"{json.dumps(row)}\n" for row in more))
    return path


def pages(path: Path) -> Path:
    one = {"question": "Who?", "image": "a.png", "answers": ["me"]}
    write_json(path, {"data": [{**one, "questionId": n} for n in range(5349)]})
    return path


def text_run(root: Path, domain: str, data: Path, part: slice, runs: int = 1, **more: Any) -> Path:
    ids = [task.id for task in find(DOMAINS, "domain", domain)(data).tasks][part]
    for seed in range(runs):
        write_run(
            root / f"seed_{seed}",
            {task: [number % 4 != 0] for number, task in enumerate(ids)},
            settings={"dataset": digest(data.read_bytes()), "domain": domain, "seed": seed, **more},
            data_path=str(data),
        )
    return root


def placed(own: Own) -> set[tuple[str, str, str]]:
    rows = [row.paper for row in fill(ROWS, [own], {}).rows if row.own]
    return {(row.table, row.version, row.benchmark) for row in rows}


def test_a_run_on_mathematics_stands_beside_the_papers(tmp_path: Path) -> None:
    file = numbers(tmp_path / "dapo" / "problems.jsonl", 520, numbered=False)
    own = place(text_run(tmp_path / "dapo_run", "math", file, slice(400, 500)))
    assert own.values == {"DAPO-test": 75}
    assert {("Table 2", "V3", "DAPO-test"), ("Table 2", "V5", "DAPO-test")} <= placed(own)
    assert any("problems of DAPO-Math the paper took is not known" in one for one in own.deviations)
    with pytest.raises(Unmatched, match="rows 0:400, where DAPO-Math's test half is 400:500"):
        place(text_run(tmp_path / "taught", "math", file, slice(0, 400)))
    aime = numbers(tmp_path / "aime2026" / "problems.jsonl", 30, numbered=True)
    own = place(text_run(tmp_path / "aime_run", "math", aime, slice(None), runs=3))
    assert own.values == {"AIME 2026": pytest.approx(100 * 22 / 30)}
    assert ("Table 2", "V5", "AIME 2026") in placed(own)
    assert "mean of 3 runs, the paper's of 8" in own.deviations
    other = numbers(tmp_path / "other" / "problems.jsonl", 30, numbered=True)
    with pytest.raises(Unmatched, match="is AIME 2026; name it aime2026"):
        place(text_run(tmp_path / "other_run", "math", other, slice(None)))


def test_a_run_on_pages_stands_beside_the_papers_in_both_units(tmp_path: Path) -> None:
    file = pages(tmp_path / "docvqa" / "questions.json")
    own = place(text_run(tmp_path / "a", "docvqa", file, slice(50, None)))
    assert own.values == {
        "DocVQA ANLS": pytest.approx(0.75, abs=1e-3),
        "DocVQA Acc": pytest.approx(75, abs=0.1),
    }
    assert {("Table 3", "V5", "DocVQA ANLS"), ("Table 3", "V3", "DocVQA Acc")} <= placed(own)
    with pytest.raises(Unmatched, match="but for those that taught"):
        place(text_run(tmp_path / "b", "docvqa", file, slice(40, None)))


def test_a_skill_drafted_for_mathematics_counts_as_created(tmp_path: Path) -> None:
    file = numbers(tmp_path / "dapo" / "problems.jsonl", 520, numbered=False)
    ids = [task.id for task in find(DOMAINS, "domain", "math")(file).tasks]
    folder = evolved(tmp_path, "error", "analysis_report.md", [ids[3], ids[450]], draft=True)
    skill = {"name": "xlsx-basic", "digest": Skill.load(folder).digest}
    given = {"agent": "cli_skill_preloaded", "skill": skill}
    run = text_run(tmp_path / "a", "math", file, slice(400, 500), **given)
    kept = run / "seed_0/outputs/run.json"
    record = json.loads(kept.read_text())
    record["sessions"][0]["environment"]["skills_dir"] = str(folder.parent)
    write_json(kept, record)
    own = place(run)
    assert (own.origin.mode, own.origin.author) == ("creation", "122B")
    assert {table for table, _, _ in placed(own)} == {"Table 2", "Table 8", "Table 9"}
    assert "the seed skill is a draft that the paper does not have" in own.deviations
    assert "lessons from 1 tasks outside rows 0:400" in own.deviations


def test_a_run_with_a_memory_stands_beside_the_papers_reasoningbank(
    tmp_path: Path, data: Path
) -> None:
    memory = {"name": "reasoningbank", "lessons": "combined", "written_by": ["Qwen3.5-122B-A10B"]}
    vectors = {**memory, "embedding_model": "Qwen/Qwen3-Embedding-8B"}
    given = {"model": PAPERS, "skill": None, "agent": "cli_only"}
    own = place(run_of(tmp_path / "a", data, memory=vectors, **given))
    placed = [row for row in fill(ROWS, [own], {}).rows if row.own]
    assert {(row.paper.row, row.paper.user) for row in placed} == {("ReasoningBank", "122B")}
    assert not any("tasks found by" in text for text in own.deviations)
    by_words = place(run_of(tmp_path / "b", data, memory=memory, **given))
    assert any("tasks found by common words" in text for text in by_words.deviations)
    with pytest.raises(Unmatched, match="a memory beside a skill"):
        place(run_of(tmp_path / "c", data, memory=vectors, model=PAPERS, skill={"digest": "x"}))

"""`trace2skill compare` on result folders as the evaluator leaves them."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from verdictfiles import SETTINGS, add_line, write_run

from analysis.lessons.outcomes import CaseAnalysis
from react_agent.cli import BAD_INPUT, OK
from react_agent.errors import ContractError
from react_agent.files import write_json, write_whole
from react_agent.runs.verdicts import Evaluation, combine
from reporting.comparing import command as compare
from reporting.comparing.comparison import RECORDED, Compared, Pair
from reporting.comparing.comparison_text import markdown, terminal
from reporting.comparing.entrants import load_entrants
from reporting.comparing.standings import compare as compared
from reporting.comparing.standings import standing_of
from reporting.comparing.tables import Table

WEAK, STRONG = "1" * 8 + "0" * 22, "1" * 20 + "0" * 10


def pair_of(*paths: Path, common: bool = False, **flags: object) -> Pair:
    entrants, _ = load_entrants(paths, common=common)
    return compared(entrants, **flags).pairs[0]  # type: ignore[arg-type]


def test_each_way_to_name_a_run_gives_the_same_numbers(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", WEAK, settings={})
    two = write_run(tmp_path / "b", STRONG, settings={})
    verdicts = two / "outputs" / "eval_official_results.json"
    pairs = {pair_of(one, path).model_dump_json() for path in (two, two / "outputs", verdicts)}
    assert len(pairs) == 1


def test_a_clear_gain_is_better_and_the_same_backwards_is_worse(tmp_path: Path) -> None:
    one, two = write_run(tmp_path / "a", WEAK), write_run(tmp_path / "b", STRONG)
    pair = pair_of(one, two)
    assert (pair.verdict, pair.tasks, len(pair.gained), len(pair.lost)) == ("better", 30, 12, 0)
    assert [change.id for change in pair.gained] == [f"t{number}" for number in range(8, 20)]
    assert pair.difference == pytest.approx(0.4)
    assert pair.p == pytest.approx(2 / 2**12)
    assert pair_of(two, one).verdict == "worse"
    assert [change.id for change in pair_of(two, one).lost] == [c.id for c in pair.gained]


def test_a_few_more_solved_tasks_are_undecided(tmp_path: Path) -> None:
    one, two = (
        write_run(tmp_path / "a", "1" * 10 + "0" * 20),
        write_run(tmp_path / "b", "1" * 14 + "0" * 16),
    )
    pair = pair_of(one, two)
    assert pair.verdict == "undecided"
    assert pair.interval.low > 0, "the interval alone would have said better"


def test_holm_counts_all_runs_that_were_compared(tmp_path: Path) -> None:
    base, six = write_run(tmp_path / "a", "0" * 30), write_run(tmp_path / "b", "1" * 6 + "0" * 24)
    assert pair_of(base, six).verdict == "better"
    others = [write_run(tmp_path / f"c{n}", "1" + "0" * 29) for n in range(2)]
    entrants, _ = load_entrants([base, six, *others], common=False)
    pair = compared(entrants).pairs[0]
    assert (pair.p, pair.p_adjusted) == pytest.approx((0.03125, 0.09375))
    assert pair.verdict == "undecided"
    assert "alpha 0.0167" in pair.detectable_method


def test_types_add_up_and_soft_scores_see_test_cases(tmp_path: Path) -> None:
    one = {f"t{n}": [True, False, False] for n in range(12)}
    two = {f"t{n}": [True, True, False] for n in range(12)}
    pair = pair_of(write_run(tmp_path / "a", one), write_run(tmp_path / "b", two))
    assert pair.verdict == "undecided", "the verdict is on whole tasks"
    assert pair.soft is not None
    assert pair.soft.difference == pytest.approx(1 / 3)
    assert pair.soft.p == pytest.approx(2 / 2**12)
    assert {row.instruction_type: row.tasks for row in pair.types} == {
        "Cell-Level Manipulation": 8,
        "Sheet-Level Manipulation": 4,
    }


def test_a_soft_score_is_what_the_evaluator_says_it_is(tmp_path: Path) -> None:
    """Of a benchmark with results that are partly right it is no count of passes."""
    run = write_run(tmp_path / "a", "1100")
    file = run / "outputs" / "eval_official_results.json"
    value = json.loads(file.read_text())
    value["results"][0]["test_cases"][0]["score"] = value["results"][0]["soft_score"] = 0.6
    file.write_text(json.dumps(value))
    [entrant], _ = load_entrants([run], common=False)
    assert standing_of(entrant).soft == pytest.approx((0.6 + 1) / 4)
    value["results"][0]["soft_score"] = float("nan")
    file.write_text(json.dumps(value))
    with pytest.raises(ContractError, match="soft_score"):
        load_entrants([run], common=False)


def test_infrastructure_is_left_out_of_pairs_unless_asked(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", "1111100000", settings={})
    two = write_run(tmp_path / "b", "0111111111", settings={}, infrastructure=["t0"])
    add_line(two, "t5", status="crash", success=False)
    pair = pair_of(one, two)
    assert (pair.left_out, pair.tasks, len(pair.lost), len(pair.gained)) == (("t0", "t5"), 8, 0, 4)
    pair = pair_of(one, two, infrastructure="wrong")
    assert (pair.left_out, pair.tasks, len(pair.lost), len(pair.gained)) == ((), 10, 1, 5)


def test_what_a_filter_refused_is_left_out_and_named_apart(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", "1111100000", settings={})
    two = write_run(tmp_path / "b", "0111111111", settings={})
    add_line(two, "t0", status="refused", success=False)
    pair = pair_of(one, two)
    assert (pair.left_out, pair.tasks, len(pair.lost)) == (("t0",), 9, 0)
    entrants, notes = load_entrants([one, two], common=False)
    comparison = compared(entrants, notes=notes)
    standing = comparison.standings[1]
    assert (standing.refused, standing.infrastructure) == (("t0",), ())
    assert "B refused by a content filter of the endpoint: t0" in terminal(comparison)
    for text in (terminal(comparison), markdown(comparison)):
        assert "ended by infrastructure or refused" in text


def test_seeds_are_clusters_and_not_more_tasks(tmp_path: Path) -> None:
    """Three seeds that agree say no more of other tasks than one does."""
    for side, passed in (("a", WEAK), ("b", STRONG)):
        for seed in (41, 42, 43):
            write_run(tmp_path / side / f"seed_{seed}", passed, settings={"seed": seed})
    single = pair_of(tmp_path / "a" / "seed_41", tmp_path / "b" / "seed_41")
    many = pair_of(tmp_path / "a", tmp_path / "b")
    assert many.test == "exact sign-flip over tasks"
    assert many.p == pytest.approx(single.p)
    assert many.interval == single.interval
    assert many.settings_apart == ()
    standing = compared(load_entrants([tmp_path / "a", tmp_path / "b"], common=False)[0]).standings[
        0
    ]
    assert (standing.seeds, standing.spread) == (("41", "42", "43"), 0.0)
    assert (
        standing.interval
        == compared(
            load_entrants([tmp_path / "a/seed_41", tmp_path / "b/seed_41"], common=False)[0]
        )
        .standings[0]
        .interval
    )


def test_seeds_lie_where_the_runner_puts_them_and_the_joint_file_leads_to_them(
    tmp_path: Path,
) -> None:
    """`--seeds 41,42` with --output_dir x/outputs leaves x/outputs/seed_41 and so on."""
    evaluations = {}
    for seed, passed in ((41, "1100"), (42, "1010")):
        run = write_run(tmp_path / f"{seed}", passed, settings={"seed": seed})
        (tmp_path / "x" / "outputs").mkdir(parents=True, exist_ok=True)
        (run / "outputs").rename(tmp_path / "x" / "outputs" / f"seed_{seed}")
        file = tmp_path / "x" / "outputs" / f"seed_{seed}" / "eval_official_results.json"
        evaluations[f"seed_{seed}"] = Evaluation.from_json(json.loads(file.read_text()), file)
    joint = tmp_path / "x" / "outputs" / "eval_official_results.json"
    write_json(joint, combine(evaluations).to_json())
    for path in (joint, tmp_path / "x", tmp_path / "x" / "outputs"):
        entrants, _ = load_entrants([path, path], common=False)
        assert entrants[0].seeds == ("41", "42")
        assert [entrants[0].passed(f"t{n}") for n in range(4)] == [1.0, 0.5, 0.5, 0.0]


def test_one_run_against_several_seeds_is_no_pair_of_single_runs(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", WEAK, settings={"seed": 41})
    for seed in (41, 42, 43):
        write_run(tmp_path / "b" / f"seed_{seed}", STRONG, settings={"seed": seed})
    pair = pair_of(one, tmp_path / "b")
    assert (pair.test, pair.score_interval) == ("exact sign-flip over tasks", None)
    assert any("unlike numbers of seeds" in note for note in pair.notes)


def verdict_changed(run: Path, number: int, **fields: object) -> None:
    file = run / "outputs" / "eval_official_results.json"
    evaluation = json.loads(file.read_text())
    evaluation["results"][number] |= fields
    file.write_text(json.dumps(evaluation))


def test_a_task_that_one_seed_could_not_score_has_no_soft_score(tmp_path: Path) -> None:
    for seed in (41, 42):
        write_run(tmp_path / f"seed_{seed}", "10", settings={"seed": seed})
    nothing = {"error": "no gold", "test_cases": [], "soft_score": None}
    verdict_changed(tmp_path / "seed_42", 0, success=False, **nothing)
    entrants, _ = load_entrants([tmp_path, tmp_path], common=False)
    standing = standing_of(entrants[0])
    assert (standing.unscored, standing.soft, standing.accuracy) == (1, 0.0, 0.25)


def test_a_verdict_file_is_taken_as_it_stands_whatever_lies_beside_it(tmp_path: Path) -> None:
    write_run(tmp_path, "10")
    seed = write_run(tmp_path / "seed", "11")
    (seed / "outputs").rename(tmp_path / "outputs" / "seed_41")
    file = tmp_path / "outputs" / "eval_official_results.json"
    entrants, _ = load_entrants([file, file], common=False)
    assert [entrants[0].passed(task) for task in ("t0", "t1")] == [1.0, 0.0]


def test_seeds_that_shift_as_wholes_are_pointed_at(tmp_path: Path) -> None:
    """As in the paper, whose held-out scores move by 8 to 12 points between seeds."""
    for seed, solved in ((1, 10), (2, 12), (3, 25)):
        passed = "1" * solved + "0" * (30 - solved)
        write_run(tmp_path / "a" / f"seed_{seed}", passed, settings={"seed": seed})
    write_run(tmp_path / "b", "1" * 30, settings={})
    (note,) = [n for n in pair_of(tmp_path / "a", tmp_path / "b").notes if "Cochran" in n]
    assert note.startswith("the seeds of A differ")


def test_folders_that_are_no_seeds_of_one_run_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "seed_1", "10", settings={"max_turns": 20})
    write_run(tmp_path / "a" / "seed_2", "10", settings={"max_turns": 100})
    with pytest.raises(ContractError, match=r"no seeds of one run:\n  max_turns: 20 -> 100"):
        load_entrants([tmp_path / "a", tmp_path / "a"], common=True)


@pytest.mark.parametrize(
    ("passed", "extra", "said"),
    [
        ("111", {}, r"tasks: 1 only in one"),
        ("1111", {"rules": "upstream"}, r"rules: upstream in .* released in"),
        ("1111", {"settings": {"dataset": "e" * 64}}, r"data sets: .* different ones"),
    ],
)
def test_runs_that_are_not_on_a_par_are_refused_with_the_reason(
    tmp_path: Path, passed: str, extra: dict[str, object], said: str
) -> None:
    one = write_run(tmp_path / "a", "1010", settings={}, upstream=True)
    two = write_run(tmp_path / "b", passed, upstream=True, **{"settings": {}, **extra})  # type: ignore[arg-type]
    with pytest.raises(ContractError, match=said):
        load_entrants([one, two], common=False)
    entrants, notes = load_entrants([one, two], common=True)
    assert re.search(said, notes[0])
    assert len(entrants[0].tasks) == min(len(passed), 4)


def test_the_common_part_reads_both_by_the_rules_of_the_first(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", "1010", upstream=False)
    two = write_run(tmp_path / "b", "1110", upstream=False, rules="upstream")
    entrants, _ = load_entrants([one, two], common=True)
    assert [entrants[1].passed(f"t{n}") for n in range(4)] == [1, 1, 1, 0]
    entrants, _ = load_entrants([two, one], common=True)
    assert sum(entrants[1].passed(f"t{n}") for n in range(4)) == 0
    plain = write_run(tmp_path / "c", "1010")
    with pytest.raises(ContractError, match="no verdicts by the rules 'upstream'"):
        load_entrants([two, plain], common=True)


def test_tasks_with_other_inputs_are_not_common(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, "1010", settings={}) for name in "ab"]
    for run, fingerprint in zip(runs, ("old", "new"), strict=True):
        add_line(run, "t0", fingerprint="same")
        add_line(run, "t1", fingerprint=fingerprint)
    with pytest.raises(ContractError, match=r"1 tasks had other inputs \(t1\)"):
        load_entrants(runs, common=False)
    entrants, _ = load_entrants(runs, common=True)
    assert entrants[0].tasks == ("t0", "t2", "t3")


def test_what_differs_is_said_and_what_is_not_known_too(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", "10", settings={"seed": 41})
    other = {**SETTINGS["model"], "model": "gpt-5.5"}
    two = write_run(tmp_path / "b", "10", settings={"seed": 42, "model": other, "max_turns": 20})
    assert pair_of(one, two).settings_apart == (
        "max_turns: 100 -> 20",
        "model.model: 'Qwen3.5-122B-A10B' -> 'gpt-5.5'",
        "seed: 41 -> 42",
    )
    bare = write_run(tmp_path / "c", "10")
    assert "has no run.json" in pair_of(one, bare).settings_apart[0]


def test_error_classes_come_from_analyses_and_from_how_runs_ended(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", "0000", settings={})
    add_line(one, "t1", status="out_of_turns", success=False)
    add_line(one, "t2", status="completed", success=False)
    analysis = CaseAnalysis(
        instance_id="t0",
        task_id="t0",
        trajectory="log.md",
        outcome="lesson",
        error_class="wrong_place",
    )
    write_whole(one / "error_analysis/t0/analysis.json", analysis.model_dump_json())
    two = write_run(tmp_path / "b", "1100", settings={})
    rows = {row.error_class: row for row in pair_of(one, two).classes}
    assert {name: (row.before, row.after, row.solved) for name, row in rows.items()} == {
        "wrong_place": (1, 0, 1.0),
        "out_of_turns": (1, 0, 1.0),
        "no_output": (1, 0, 0.0),
        "not known": (1, 2, 0.0),
    }


def test_a_scored_run_has_its_error_classes_without_an_analysis(tmp_path: Path) -> None:
    one, two = (write_run(tmp_path / name, "000", settings={}) for name in "ab")
    file = one / "outputs/eval_official_results.json"
    verdicts = json.loads(file.read_text())
    for number, found in enumerate(("wrong_values", "wrong_place")):
        case = {"gt_file": "g", "output_file": "o", "passed": False, "error_class": found}
        verdicts["results"][number]["test_cases"] = [case]
    file.write_text(json.dumps(verdicts))
    add_line(one, "t1", status="out_of_turns", success=True)
    rows = {row.error_class: row.before for row in pair_of(one, two).classes}
    assert rows == {"wrong_values": 1, "out_of_turns": 1, "not known": 1}


def test_files_and_marks_stand_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay = {"model": {**SETTINGS["model"], "source": "replay"}}
    one = write_run(tmp_path / "a_b&c%", WEAK, settings=replay)
    two = write_run(tmp_path / "b", STRONG, settings={})
    flags = [f"--{kind}={tmp_path / kind}" for kind in ("json", "markdown", "csv", "latex")]
    assert compare.main([str(one), str(two), *flags]) == OK
    printed = capsys.readouterr().out
    assert RECORDED.upper() in printed
    comparison = Compared.model_validate_json((tmp_path / "json").read_text())
    assert (comparison.mark, comparison.standings[0].recorded) == (RECORDED, True)
    assert comparison.pairs[0].recorded
    for run in (one, two):
        for name in ("eval_official_results.json", "run.json"):
            file = str(run / "outputs" / name)
            assert file in comparison.pairs[0].files
            assert file in (tmp_path / "markdown").read_text()
    rows = list(csv.DictReader((tmp_path / "csv").open()))
    assert [row["verdict"] for row in rows] == ["", "better"]
    assert float(rows[1]["difference"]) == pytest.approx(0.4)
    assert rows[0]["mark"] == RECORDED
    latex = (tmp_path / "latex").read_text()
    assert r"a\_b\&c\%" in latex
    assert RECORDED in latex


def test_the_terminal_form_fits_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = write_run(Path("a"), {f"{n}-{n}": [n % 2 == 0] for n in range(60)}, settings={})
    two = write_run(Path("b"), {f"{n}-{n}": [n % 2 == 1] for n in range(60)}, settings={"seed": 9})
    for seed in (1, 2, 3):
        write_run(
            Path(f"c/seed_{seed}"), {f"{n}-{n}": [n % seed == 0] for n in range(60)}, settings={}
        )
    assert compare.main([str(one), str(two), "c"]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("UNDECIDED" in line for line in lines)


def test_a_run_without_verdicts_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_run(tmp_path / "a", "10")
    (tmp_path / "b").mkdir()
    assert compare.main([str(one), str(tmp_path / "b")]) == BAD_INPUT
    assert "trace2skill evaluate" in capsys.readouterr().err
    assert compare.main([str(one), str(tmp_path / "none")]) == BAD_INPUT


def test_help_does_not_wait_for_scipy() -> None:
    code = "import sys, reporting.comparing.command as c; c.main; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_hostile_cells_stay_in_their_cells() -> None:
    table = Table(("a", "b"), (("x | y", r"\end{tabular} $&#_{}~^"), ("<b>*", "line\nbreak")))
    for line in table.markdown().splitlines()[2:]:
        assert len(re.findall(r"(?<!\\)\|", line)) == 3
    assert list(csv.reader(table.csv().splitlines(keepends=True)))[1:] == [
        list(r) for r in table.rows
    ]
    latex = table.latex("Caption")
    assert latex.count(r"\end{tabular}") == 1
    assert r"\textless{}b\textgreater{}" in latex

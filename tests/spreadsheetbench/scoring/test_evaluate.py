"""The script end to end, on small data sets with every kind of output."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hostile.scene import gone, sleeping, unique_seconds
from project import ROOT
from workbooks import SHEET1, cell, part, perturbed, rewrite_part

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits
from react_agent.runs.scoring import score_run
from react_agent.runs.verdicts import (
    CaseVerdict,
    Evaluation,
    RepeatedEvaluation,
    TaskVerdict,
    combine,
    summarize,
)
from react_agent.seams import Facts, Reading
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheetbench.evaluate import main
from spreadsheetbench.scoring.score import (
    ScoreJob,
    score_pair,
)
from spreadsheetbench.scoring.settings import BookScoring
from spreadsheetbench.tasks.dataset import Dataset, SheetCase

SMALL = WorkLimits(seconds=60, memory_mb=300)
"""Time enough on a busy machine, so that it is memory that ends the hostile ones."""
CELL, SHEET = "Cell-Level Manipulation", "Sheet-Level Manipulation"


def scored(data: Path, out: Path, reading: Reading) -> Evaluation:
    domain = SpreadsheetDomain(Dataset.load(data), reading)
    with domain:
        return asyncio.run(score_run(domain, domain.tasks, out))


class Bench:
    """A data set under construction, and the outputs of one run on it."""

    def __init__(self, root: Path, gold: Path) -> None:
        self.root, self.gold = root, gold
        self.data, self.out = root / "data", root / "out"
        self.records: list[dict[str, Any]] = []
        self.out.mkdir(parents=True)

    def task(
        self, task_id: str, *outputs: str | None, position: str | None = "A1:F8", **fields: Any
    ) -> None:
        """One test case for each output, which is a change of gold, or None for no output."""
        folder = self.data / "spreadsheet" / task_id
        folder.mkdir(parents=True)
        record = {"id": task_id, "instruction": "x", "instruction_type": CELL}
        self.records.append({**record, "answer_position": position, **fields})
        for number, change in enumerate(outputs, start=1):
            (folder / f"{number}_{task_id}_input.xlsx").write_bytes(self.gold.read_bytes())
            (folder / f"{number}_{task_id}_answer.xlsx").write_bytes(self.gold.read_bytes())
            if change is not None:
                perturbed(self.gold, change, self.output(task_id, number))
        (self.data / "dataset.json").write_text(json.dumps(self.records))

    def output(self, task_id: str, number: int = 1, out: Path | None = None) -> Path:
        path = (out or self.out) / task_id / f"{number}_{task_id}_output.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, *flags: str, out: Path | None = None) -> int:
        places = ["--data_path", str(self.data), "--output_dir", str(out or self.out)]
        return main([*places, "--workers", "2", *flags])

    def evaluate(self, **settings: Any) -> Evaluation:
        scoring = BookScoring(proof_cache="off", **settings)
        return scored(self.data, self.out, Reading(2, SMALL.seconds, SMALL.memory_mb, scoring))

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.out / "eval_official_results.json").read_text(encoding="utf-8")
        )
        return found


@pytest.fixture
def bench(tmp_path: Path, gold: Path) -> Bench:
    return Bench(tmp_path, gold)


@pytest.fixture
def mixed(bench: Bench) -> Bench:
    bench.task("1-1", "nothing", "nothing", "number", instruction_type=SHEET)
    bench.task("2", "nothing")
    bench.task("3", None)
    bench.task("4")
    bench.task("5", "nothing", position="")
    bench.task("6", "seconds of a time", position="F8:A1")
    return bench


def test_totals_keep_the_released_denominators_and_say_what_they_leave_out(mixed: Bench) -> None:
    assert mixed.run() == 0
    summary = mixed.results["summary"]
    assert {key: summary[key] for key in list(summary)[:9]} == {
        "total_instances": 5,
        "fully_correct_instances": 2,
        "instance_accuracy": 2 / 5,
        "total_test_cases": 6,
        "passed_test_cases": 4,
        "test_case_accuracy": 4 / 6,
        "avg_soft_score": (2 / 3 + 1 + 0 + 1) / 4,
        "avg_hard_score": 2 / 4,
        "by_instruction_type": {
            SHEET: {"count": 1, "avg_soft_score": 2 / 3, "avg_hard_score": 0.0},
            CELL: {"count": 3, "avg_soft_score": 2 / 3, "avg_hard_score": 2 / 3},
        },
    }
    assert (summary["scored_instances"], summary["errors"], summary["dropped"]) == (4, 1, ["5"])
    assert summary["rules_differ"] == {}


def test_results_have_the_released_fields(mixed: Bench) -> None:
    mixed.run()
    first, _, third, fourth, sixth = mixed.results["results"]
    assert {key: first[key] for key in first if key != "test_cases"} == {
        "id": "1-1",
        "instruction_type": SHEET,
        "success": False,
        "passed_count": 2,
        "total_count": 3,
        "soft_score": 2 / 3,
        "hard_score": 0,
    }
    failed = first["test_cases"][2]
    assert failed["message"] == "Value mismatch at B1: expected '1', got '2'"
    assert failed["gt_file"] == "3_1-1_answer.xlsx"
    assert failed["output_file"] == "3_1-1_output.xlsx"
    assert failed["gold_path"] == str(mixed.data / "spreadsheet/1-1/3_1-1_answer.xlsx")
    assert failed["output_path"] == str(mixed.out / "1-1/3_1-1_output.xlsx")
    assert "passed_recalculated" not in failed
    assert third["test_cases"][0]["message"].startswith("Output file not found: ")
    assert fourth["success"] is False
    assert fourth["test_cases"] == []
    assert "task 4: no gold workbook" in fourth["error"]
    assert "soft_score" not in fourth
    assert sixth["success"]


class Watched(SpreadsheetDomain):
    """Notes which outputs are looked into for the class of their failure."""

    asked: list[str]

    async def facts(self, case: SheetCase, output: Path | None) -> Facts:
        self.asked.append(case.task_id)
        return await super().facts(case, output)


def test_failures_have_a_class_and_only_they_are_read_again(bench: Bench) -> None:
    bench.task("right", "nothing")
    bench.task("absent", None)
    bench.task("formulas", "formulas without a cached value")
    bench.task("wrong", "number")
    bench.task("broken", "nothing")
    bench.output("broken").write_bytes(b"PK\3\4 no workbook")
    bench.task("greedy", "nothing")
    bomb(bench.output("greedy"))
    bench.task("no input", "number")
    (bench.data / "spreadsheet/no input/1_no input_input.xlsx").write_bytes(b"no workbook")
    reading = Reading(2, SMALL.seconds, SMALL.memory_mb, BookScoring(proof_cache="off"))
    domain = Watched(Dataset.load(bench.data), reading)
    domain.asked = []
    with domain:
        found = asyncio.run(score_run(domain, domain.tasks, bench.out)).results
    assert {task.id: task.test_cases[0].error_class for task in found} == {
        "right": None,
        "absent": "no_output",
        "formulas": "uncalculated_formula",
        "wrong": "wrong_values",
        "broken": "damaged_workbook",
        "greedy": "damaged_workbook",
        "no input": None,
    }
    assert sorted(domain.asked) == ["broken", "formulas", "no input", "wrong"]


def test_result_files_can_be_read_back(mixed: Bench) -> None:
    evaluation = mixed.evaluate(recalculate="uncached")
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json())), "x") == evaluation
    repeated = combine({"seed_1": evaluation})
    assert RepeatedEvaluation.from_json(repeated.to_json(), "x") == repeated
    released = {"id": 7, "success": False, "error": "gone", "test_cases": []}
    assert TaskVerdict.model_validate(released).id == "7"


def test_summary_says_what_is_in_the_denominator(
    mixed: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed.run("--verbose", "--recalculate", "uncached")
    shown = capsys.readouterr().out
    assert "2 of 5 tasks correct (released rules)" in shown
    assert (
        "40.00%  of 5 tasks that have something to score them by, errors counting as wrong" in shown
    )
    assert "54.17" not in shown
    assert "66.67%  mean over 4 scored tasks" in shown
    assert "Errors           1: 4" in shown
    assert "Dropped          1 with nothing to score them by: 5" in shown
    assert "recalculated     40.00%  2 of 5 tasks" in shown
    assert "FAIL  1-1 2/3: Value mismatch at B1" in shown
    assert "PASS  2 1/1" in shown


def test_tasks_on_which_rules_differ_are_named(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.task("1", "nothing", position="A:F")
    bench.task("2", "number as bool")
    bench.task("3", "nothing", position="data!A1")
    bench.task("4", "nothing")
    assert bench.run() == 0
    assert bench.results["summary"]["rules_differ"] == {
        "1": {"released": True, "sheet-aware": True, "upstream": False},
        "2": {"released": True, "sheet-aware": False, "upstream": True},
        "3": {"released": False, "sheet-aware": True, "upstream": False},
    }
    assert "Rules differ on  3: 1 (released, sheet-aware pass)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rules", "correct"), [("released", 2), ("upstream", 1), ("sheet-aware", 3)]
)
def test_rules_decide_the_verdicts(bench: Bench, rules: str, correct: int) -> None:
    bench.task("1", "nothing")
    bench.task("2", "nothing", position="A:F")
    bench.task("3", "nothing", position="$A$1:$F$8")
    assert bench.run("--rules", rules) == 0
    assert bench.results["summary"]["fully_correct_instances"] == correct
    assert bench.results["summary"]["rules"] == rules


def test_answer_sheet_counts_for_sheet_aware_rules_only(bench: Bench) -> None:
    bench.task("1", "every cell", position="A1:B4", answer_sheet="It's, 2")
    (task,) = bench.evaluate().results
    assert task.test_cases[0].passed_by_rules == {
        "released": False,
        "upstream": False,
        "sheet-aware": True,
    }


def test_a_gold_of_another_number_finds_the_only_output_by_sheet_aware_rules(bench: Bench) -> None:
    bench.task("42930", "nothing")
    folder = bench.data / "spreadsheet" / "42930"
    (folder / "1_42930_answer.xlsx").rename(folder / "1_43930_answer.xlsx")
    (task,) = bench.evaluate().results
    assert not task.success
    assert "1_43930_output.xlsx" in task.test_cases[0].message
    (task,) = bench.evaluate(rules="sheet-aware").results
    assert task.success
    assert task.test_cases[0].output_file.endswith("1_42930_output.xlsx")


def bomb(path: Path) -> None:
    """A few hundred kilobytes that become 400 MB."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    head, tail = parts.pop(SHEET1).split(b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name, content in parts.items():
            new.writestr(name, content)
        with new.open(SHEET1, "w") as sheet:
            sheet.write(head + b'<row r="20"><c r="A20" t="inlineStr"><is><t>')
            for _ in range(400):
                sheet.write(b"a" * 2**20)
            sheet.write(b"</t></is></c></row></sheetData>" + tail)


def test_hostile_outputs_are_failed_cases_and_all_others_are_scored(bench: Bench) -> None:
    for number in range(9):
        bench.task(str(number), "nothing")
    bomb(bench.output("1"))
    merges = '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    part(SHEET1, "</sheetData>", merges)(bench.output("3"))
    far = '<c r="XFD1048576"/></row></sheetData>'
    rewrite_part(
        bench.output("4"),
        SHEET1,
        lambda text: text.replace("</sheetData>", '<row r="1048576">' + far),
    )
    bench.output("5").unlink()
    os.mkfifo(bench.output("5"))
    bench.output("6").unlink()
    bench.output("6").symlink_to("/dev/zero")
    bench.output("7").write_bytes(b"PK\3\4" + os.urandom(5000))
    found = {task.id: task for task in bench.evaluate().results}
    assert {task_id for task_id, task in found.items() if task.success} == {"0", "2", "4", "8"}
    messages = {task_id: task.test_cases[0].message for task_id, task in found.items()}
    assert messages["1"] == messages["3"]
    assert messages["1"] == "Error loading workbook: needs more than 300 MB of memory"
    assert messages["5"].startswith("Output file not found")
    assert messages["6"].startswith("Output file not found")
    assert messages["7"].startswith("Error loading workbook: output: BadZipFile")


def endless_program(folder: Path, unique: str) -> str:
    """A PATH with an office program that never ends."""
    program = folder / "bin" / "soffice"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nsleep {unique} &\nwait\n")
    program.chmod(0o755)
    program.parent.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def wait_until_started(unique: str) -> None:
    for _ in range(300):
        if sleeping(unique):
            return
        time.sleep(0.1)
    pytest.fail("the program was not started")


def test_an_engine_that_never_ends_costs_only_the_second_column(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unique = unique_seconds()
    monkeypatch.setenv("PATH", endless_program(tmp_path, unique))
    bench.task("1", "formulas without a cached value")
    scoring = BookScoring(recalculate="uncached", recalc_engine="libreoffice", proof_cache="off")
    with ThreadPoolExecutor() as beside:
        reading = Reading(seconds=6, scoring=scoring)
        running = beside.submit(scored, bench.data, bench.out, reading)
        wait_until_started(unique)
        evaluation = running.result()
    (case,) = evaluation.results[0].test_cases
    assert case.message == "Value mismatch at C1: expected '2', got 'None'"
    assert case.recalculation == "libreoffice: not done within 6 seconds"
    assert case.passed_recalculated is False
    assert gone(unique)


def test_pairs_can_be_scored_in_a_limited_worker(bench: Bench, gold: Path, tmp_path: Path) -> None:
    other = perturbed(gold, "number", tmp_path / "other.xlsx")
    bench.task("1", "nothing")
    bomb(bench.output("1"))
    with Workers(1, SMALL) as workers:
        assert workers.run(score_pair, gold, gold, "A1:F8").passed
        assert "at B1" in workers.run(score_pair, gold, other, "A1:F8").message
        with pytest.raises(WorkerLost, match="300 MB"):
            workers.run(score_pair, gold, bench.output("1"), "A1:F8")


def test_infrastructure_failures_are_named_and_totals_stay(bench: Bench) -> None:
    for task_id in "1", "2", "3":
        bench.task(task_id, "nothing")
    lines = [
        {"id": "1", "input_file": "1_1_input.xlsx", "status": "infrastructure"},
        {"id": "1", "input_file": "1_1_input.xlsx", "status": "completed"},
        {"id": "2", "input_file": "1_2_input.xlsx", "status": "crash"},
        {"id": "3", "input_file": "1_3_input.xlsx", "status": "out_of_turns"},
        {"id": "9", "input_file": "1_9_input.xlsx", "status": "crash"},
        ["not", "a", "case"],
    ]
    (bench.out / "results.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"id": "3", ')
    summary = bench.evaluate().summary
    assert summary.infrastructure == ("2",)
    assert summary.instance_accuracy == 1.0


def test_seeds_are_scored_each_and_combined(
    bench: Bench, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for task_id in "1", "2", "3":
        bench.task(task_id, "nothing")
    changes = {"seed_2": ("nothing", "nothing", "number"), "seed_10": ("nothing", "number", None)}
    for seed, outputs in changes.items():
        for task_id, change in zip(("1", "2", "3"), outputs, strict=True):
            if change:
                perturbed(gold, change, bench.output(task_id, out=bench.out / seed))
    assert bench.run("--repeat", "3") == 0
    summary = bench.results["summary"]
    assert summary["seeds"] == ["seed_2", "seed_10"]
    assert (summary["pass_at_any"], summary["pass_at_all"]) == (2 / 3, 1 / 3)
    assert summary["mean_instance_accuracy"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert bench.results["results"][1]["passed_seeds"] == ["seed_2"]
    for seed in changes:
        own = json.loads((bench.out / seed / "eval_official_results.json").read_text())
        assert own["summary"]["total_instances"] == 3
    shown = capsys.readouterr().out
    assert "--repeat 3, but 2 seed folders" in shown
    assert "pass@any           66.67%  of 3 tasks" in shown


def test_outputs_below_the_id_count_where_none_lie_below_the_path(bench: Bench) -> None:
    bench.task("1", "nothing")
    bench.data.joinpath("spreadsheet/1").rename(bench.data / "spreadsheet/elsewhere")
    record = bench.records[0] | {"spreadsheet_path": "elsewhere"}
    (bench.data / "dataset.json").write_text(json.dumps([record]))
    assert bench.evaluate().summary.fully_correct_instances == 1
    (bench.out / "elsewhere").mkdir()
    assert bench.evaluate().summary.fully_correct_instances == 0


def test_start_and_end_choose_the_records(bench: Bench) -> None:
    for task_id in "1", "2", "3":
        bench.task(task_id, "nothing")
    assert bench.run("--start-idx", "1", "--end_idx", "2") == 0
    assert [result["id"] for result in bench.results["results"]] == ["2"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output_dir", "{root}/none"], "none: no such output directory"),
        (["--data_path", "{root}/none"], "none: no such data set"),
        (["--results_file", "{root}/data"], "data: cannot be written"),
        (["--results_file", "/dev/null/x/y.json"], "cannot be written"),
        (["--start_idx", "5"], "no record between --start_idx 5"),
        (["--repeat", "2"], "holds no seed_* folder"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    bench: Bench, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    bench.task("1", "nothing")
    assert bench.run(*[flag.format(root=bench.root) for flag in flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (bench.out / "eval_official_results.json").exists()


def test_results_do_not_depend_on_the_number_of_processes(bench: Bench) -> None:
    for number in range(6):
        bench.task(str(number), "number" if number % 2 else "nothing")
    bench.run("--workers", "1")
    one = bench.results
    bench.run("--workers", "4")
    assert bench.results == one


def test_help_is_there_at_once() -> None:
    code = "import spreadsheetbench.evaluate, sys; print('openpyxl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_interrupt_ends_the_script_and_its_processes(bench: Bench, tmp_path: Path) -> None:
    unique = unique_seconds()
    path = endless_program(tmp_path, unique)
    bench.task("1", "formulas without a cached value")
    script = ROOT / "evaluate_with_official.py"
    flags = ["--data_path", bench.data, "--output_dir", bench.out]
    engine = ["--recalculate", "uncached", "--recalc-engine", "libreoffice"]
    running = subprocess.Popen(
        [sys.executable, script, *flags, *engine],
        env={**os.environ, "PATH": path},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until_started(unique)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=15)
    assert running.returncode == 130
    assert errors.endswith("interrupted\n")
    assert gone(unique)
    assert not (bench.out / "eval_official_results.json").exists()


def test_summaries_of_nothing_are_zero() -> None:
    summary = summarize([])
    assert (summary.instance_accuracy, summary.avg_soft_score) == (0.0, 0.0)


def test_recalculated_accuracy_counts_errors_as_wrong() -> None:
    case = CaseVerdict(gt_file="g", output_file="o", passed=False, passed_recalculated=True)
    results = [
        TaskVerdict.of("1", CELL, [case]),
        TaskVerdict(id="2", success=False, error="no gold"),
    ]
    summary = summarize(results, recalculation_engine="betteroffice")
    assert summary.fully_correct_recalculated == 1
    assert summary.instance_accuracy_recalculated == 0.5
    assert summary.instance_accuracy == 0.0


def test_jobs_can_be_sent_to_a_worker(gold: Path) -> None:
    import pickle

    job = ScoreJob(gold, gold, "A1")
    assert pickle.loads(pickle.dumps(job)) == job


def test_cell_changes_are_real(gold: Path, tmp_path: Path) -> None:
    """The changes that the tests above build on do change the file."""
    target = tmp_path / "changed.xlsx"
    target.write_bytes(gold.read_bytes())
    cell("B1", 2)(target)
    assert openpyxl.load_workbook(target)["Data"]["B1"].value == 2

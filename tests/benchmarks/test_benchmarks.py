"""Every benchmark runs and prints its table, at sizes where the figures mean nothing."""

import subprocess
import sys

import pytest
from project import ROOT

FOLDER = ROOT / "benchmarks"


def tables(script: str, *flags: str) -> list[list[str]]:
    """The cells of every table row that a benchmark prints, its heads first."""
    command = [sys.executable, str(FOLDER / script), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def times_of_bare(figure: str, bare: dict[str, str], other: dict[str, str]) -> None:
    """The ratio is that of the printed figures."""
    base, found = float(bare[figure]), float(other[figure])
    said = float(other["/ bare"].split()[0])
    assert (found - 0.6) / (base + 0.6) <= said * 1.01
    assert said * 0.99 <= (found + 0.6) / max(base - 0.6, 0.1)


def test_the_queue_reaches_its_bound_where_every_case_has_a_worker() -> None:
    heads, simulated, real = tables(
        "scheduling.py", "--cases=8", "--workers=8", "--repeats=1", "--scale=0.0001"
    )
    assert dict(zip(heads, simulated, strict=True))["queue / bound"] == "1.000"
    assert real[2].startswith("real")


def test_rollouts_are_measured_beside_a_bare_client() -> None:
    heads, row = tables("framework_cost.py", "--runs=4:2", "--latency=0.05", "--sandbox=none")
    figures = dict(zip(heads, row, strict=True))
    assert figures["cases / workers"] == "4 / 2"
    turn, bare = float(figures["CPU ms/turn"]), float(figures["bare client"])
    assert turn > bare > 0  # agents, sandbox and files on top of the same calls
    assert float(figures["ratio"].split()[0]) == pytest.approx(turn / bare, rel=0.1)


def test_what_the_sdk_costs_is_measured_beside_the_same_client_without_it() -> None:
    _heads, bare, without, ours = tables(
        "client_cost.py", "--calls=60", "--workers=4", "--repeats=1"
    )
    assert [bare[0], bare[2], without[0], ours[0]] == [
        "bare aiohttp",
        "1.00 x",
        "ours without the SDK",
        "ours",
    ]
    assert float(bare[1]) < float(ours[1])


def test_analysts_are_measured_by_the_turns_of_their_script() -> None:
    heads, row = tables(
        "framework_cost.py",
        *("--stage=analysts", "--runs=2:2", "--latency=0.05", "--sandbox=none", "--no-bare"),
    )
    figures = dict(zip(heads, row, strict=True))
    assert figures["latency bound s"] == "0.2"
    assert float(figures["CPU ms/turn"]) > 0


def test_previews_are_measured_beside_whole_loads() -> None:
    heads, row = tables("preview.py", "--limit=2", "--repeats=1", "--no-large")
    assert dict(zip(heads, row, strict=True))["files"] == "2"


def test_tool_calls_are_measured_beside_a_bare_subprocess() -> None:
    heads, *rows = tables("tool_start.py", "--calls=1", "--at-once=1", "--commands=true")
    bare, plain, *_ = (dict(zip(heads, row, strict=False)) for row in rows)  # CPU hides the wall
    assert (bare["way"], plain["way"]) == ("bare", "none")
    times_of_bare("CPU ms", bare, plain)


def test_evolution_is_measured_in_time_and_tokens() -> None:
    times, time, tokens, bill = tables("evolution.py", "--records=6", "--workers=6", "--repeats=1")
    # 6 records are one merge: with a worker for each there is nothing to wait for.
    assert dict(zip(times, time, strict=True))["engine / bound"] == "1.000"
    assert dict(zip(tokens, bill, strict=True))["MAP"] == "6"


def test_a_report_is_measured_on_a_run_made_here() -> None:
    heads, row = tables("report_page.py", "--tasks=2", "--repeats=1", "--no-browser")
    assert dict(zip(heads, row, strict=True))["ready s"] == "-"


def test_growth_runs_every_stage_at_every_size() -> None:
    heads, *rows = tables("growth.py", "--cases=2,4")
    stages = {row[heads.index("stage")] for row in rows}
    assert {"rollouts", "again", "verdicts", "triage", "compare", "report"} < stages
    assert {"lessons", "evolve"} < stages
    assert len(rows) == 2 * len(stages)


def test_every_command_shows_its_help() -> None:
    heads, bare, *rows = tables("start_up.py", "--repeats=1")
    assert "trace2skill compare" in [row[0] for row in rows]
    for row in rows:
        times_of_bare(
            "wall ms", dict(zip(heads, bare, strict=True)), dict(zip(heads, row, strict=True))
        )


def test_scoring_is_measured_and_engines_agree() -> None:
    rows = tables("scoring.py", "--tasks=2", "--changes=30", "--run=4", "--growth=2,4")
    engines, verdicts, sizes = rows[1:6], rows[7:10], [row[0] for row in rows[10:]]
    assert [row[0] for row in engines][::2] == ["two loads", "lazy, first", "lazy, reader alone"]
    assert [row[4] for row in verdicts] == ["0"] * 3
    assert sizes == ["pairs", "4", "pairs", "2", "4"]


def test_recalculation_is_measured_and_regains_verdicts() -> None:
    heads, row = tables("recalculation.py", "--tasks=8", "--engines=betteroffice")
    passed, _, of, *_ = row[heads.index("pass")].split()
    assert passed == of


def test_an_engine_is_simulated_with_its_limits_outages_and_losses() -> None:
    heads, *rows = tables(
        "scaling.py", "--cases=30", "--workers=20", "--processes=10", "--limit=8", "--cores=4"
    )
    found = [dict(zip(heads, row, strict=True)) for row in rows]
    assert {row["failed"] for row in found} == {"0"}
    assert float(found[0]["/ bound"].split()[0]) >= 1
    refused = [row for row in found if row["429s of all sent"] != "0.00%"]
    assert all("limit" in row["scene"] for row in refused)
    assert refused


def test_prompts_cost_at_most_half_of_the_released_code_s() -> None:
    """Of lessons and evolution; what the demo's cassette holds was sent."""
    heads, *rows = tables("prompt_tokens.py")
    found = {row[0]: dict(zip(heads, row, strict=True)) for row in rows}
    assert found["MAP"]["0.1.0 / released"] == "0.88 x"
    for errors in ("one call", "agentic"):
        row = found[f"lessons and evolution, errors {errors}"]
        assert float(row["ours / released"].split()[0]) <= 0.5
        assert float(row["tokens"].replace(",", "")) > 10_000

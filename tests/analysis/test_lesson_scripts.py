"""The published analysis commands, as processes, on a small run and a real endpoint with faults."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time

import pytest
from lesson_commands import command, environment, errors, honest, run
from lessons import SmallRun, book
from stub_server import Fault, StubServer, refusal, reply

from analysis import evaluate_output, run_error_analysis

SCRIPTS = [
    "run_error_analysis",
    "run_error_analysis_llm",
    "run_success_analysis_llm",
    "parse_error_analysis_outputs",
    "parse_success_analysis_outputs",
    "evaluate_output",
    "analyze",
]
TAGS = {"1-1": "FAILED", "1-2": "SUCCEED", "1-3": "FAILED", "1-4": "SUCCEED", "1-5": "FAILED"}


def wait_for_cases(output, wanted):
    while len(list(output.glob("*/analysis.json"))) < wanted:
        time.sleep(0.02)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_run_by_their_path(name):
    done = subprocess.run(command(name, "--help"), capture_output=True, text=True, check=True)
    assert "usage:" in done.stdout


def test_help_needs_nothing_heavy():
    names = ", ".join(f"analysis.{name}" for name in SCRIPTS)
    check = "{'openpyxl', 'pandas', 'aiohttp', 'jinja2', 'pebble', 'tqdm'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {names}; print({check})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


def test_the_published_commands_in_their_order(tmp_path):
    small = SmallRun(tmp_path, TAGS)

    async def go():
        async with StubServer(honest) as server:
            code, out, err = await run(errors(small, tmp_path / "error_analysis"), server.url)
            assert (code, "3  lesson" in out) == (0, True), out + err
            flags = ("--logs_dir", small.logs, "--model", "m", "--max_workers", 4)
            success = command(
                "run_success_analysis_llm", *flags, "--output_dir", tmp_path / "success_analysis"
            )
            code, out, err = await run(success, server.url)
            assert (code, "2  lesson" in out) == (0, True), out + err
            again = await run(success, server.url)
            assert again[0] == 0
            ablation = command("run_error_analysis_llm", *flags, "--output_dir", tmp_path / "llm")
            code, out, err = await run(ablation, server.url)
            assert (code, "3  lesson" in out) == (0, True), out + err
        for kind, records in (("error", 3), ("success", 2)):
            parse = command(
                f"parse_{kind}_analysis_outputs",
                *("--input_dir", tmp_path / f"{kind}_analysis", "--output", tmp_path / kind),
            )
            code, out, err = await run(parse)
            assert code == 0, out + err
            assert len(json.loads((tmp_path / kind).read_text())) == records

    asyncio.run(go())
    assert (tmp_path / "success_analysis" / "success_analysis_1-2_prompt.md").is_file()


def test_killed_and_started_again_under_faults_loses_nothing(tmp_path):
    """20 % of the replies fail in each of six ways; the first start is killed in the middle."""
    small = SmallRun(tmp_path, {**TAGS, "1-6": "FAILED", "1-7": "FAILED"})
    chance = random.Random(7)

    def faulty(body):
        way = chance.choice(["500", "429", "garbage", "reset", "cut", "format", *["fine"] * 4])
        fine = honest(body)
        text = fine["choices"][0]["message"]["content"]
        return {
            "500": refusal(500),
            "429": refusal(429, retry_after="0"),
            "garbage": {"choices": []},
            "reset": Fault("reset"),
            "cut": reply(text[: len(text) // 2], finish="length"),
            "format": reply('Thought: x\nAction:\n{"name": "bash", "arguments": {"comm'),
        }.get(way, fine)

    async def go():
        output = tmp_path / "analysis"
        async with StubServer(faulty) as server:
            first = await asyncio.create_subprocess_exec(
                *errors(small, output, "--workers", 1),
                env=environment(server.url),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            await asyncio.to_thread(wait_for_cases, output, 2)
            first.send_signal(signal.SIGKILL)
            assert await first.wait() == -signal.SIGKILL
            kept = {p: p.stat().st_mtime_ns for p in output.glob("*/analysis.json")}
            assert kept
            for _ in range(3):
                code, out, err = await run(errors(small, output), server.url)
                if code == 0:
                    break
            assert code == 0, out + err
        assert all(p.stat().st_mtime_ns == changed for p, changed in kept.items())
        return output

    output = asyncio.run(go())
    summary = json.loads((output / "analysis_summary.json").read_text())
    assert sum(summary["counts"].values()) == summary["trajectories"] == 7
    assert summary["counts"] == {"lesson": 5, "not failed": 2}
    assert len(json.loads((output / "parsed_error_records.json").read_text())) == 5


def test_evaluate_output_in_a_persons_hands(tmp_path, capsys):
    book(tmp_path / "gold.xlsx", solved=True)
    book(tmp_path / "out.xlsx", solved=False)

    def ends(name, position):
        gold, output = tmp_path / "gold.xlsx", tmp_path / f"{name}.xlsx"
        flags = ("--output-file", output, "--ground_truth", gold, "--answer_position", position)
        code = evaluate_output.main([str(flag) for flag in flags])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    right = ends("gold", "Prices!C2:C3")
    assert right == (0, "Result: PASS all compared cells match\nRanges: 'Prices'!C2:C3\n")
    code, shown = ends("out", "Prices!B2:C3")
    assert code == 1
    assert "'Prices'!B2:C3: 2 of 4 cells differ" in shown
    assert "C2: expected 1488.1 (number), found blank" in shown
    code, shown = ends("out", "'Nowhere'!A1")
    assert (code, shown.startswith("Result: FAIL")) == (1, True)
    assert ends("nothing", "A1") == (2, f"error: {tmp_path / 'nothing.xlsx'}: no such file\n")


def test_wrong_folders_and_settings_are_named_before_anything_is_asked(tmp_path, capsys):
    small = SmallRun(tmp_path, {"1-1": "FAILED"})
    (tmp_path / "empty").mkdir()

    def ends(*flags):
        argv = errors(small, tmp_path / "out", "--api_key", "EMPTY", *flags)[2:]
        code = run_error_analysis.main(argv)
        said = capsys.readouterr().err
        assert (code, said.count("\n")) == (2, 1), said
        return said

    assert "no folder of the failed runs" in ends("--work_dir", tmp_path / "empty")
    assert "holds no trajectory log" in ends("--logs_dir", tmp_path / "empty")
    assert "no such file" in ends("--generation_config", "gen_config/nothing.json")
    assert "no log of 5-5" in ends("--instance_ids", "5-5")
    assert "needs a sandbox" in ends("--gate", "replay", "--sandbox", "none")

"""The commands of the evolution as users run them: real processes, a real server, real kills."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from evolution_commands import author_server, command, environment
from evolving import Author, make_records, make_skill, run
from project import ROOT

from react_agent.flags import parser_of, read
from react_agent.skills import Skill, list_backups
from skill_evolver.commands import blame, lessons, revert, rollback
from skill_evolver.commands.blame import describe, origins
from skill_evolver.engine.history import explain
from skill_evolver.engine.settings import Evolution
from skill_evolver.patches.rules import check_folder


@pytest.mark.parametrize("phase", ["map", "merge", "start of merge"])
def test_a_killed_evolution_goes_on_and_pays_nothing_twice(tmp_path: Path, phase: str) -> None:
    skill = make_skill(tmp_path)
    records = make_records(tmp_path / "records.json", 9)
    before = Skill.load(skill).digest
    seen: list[str] = []
    process: subprocess.Popen[bytes] | None = None

    def on_call(role: str, number: int) -> None:
        due = {"map": number >= 4, "merge": role == "merge" and number >= 10,
               "start of merge": role == "merge"}[phase]  # fmt: skip
        if due and process and process.poll() is None:
            process.kill()

    async def scenario() -> int:
        nonlocal process
        async with author_server(seen, on_call) as server:
            env = environment(server.url)
            process = await asyncio.to_thread(
                subprocess.Popen, command(skill, records), env=env, cwd=ROOT
            )
            code = await asyncio.to_thread(process.wait)
            assert code == -9
            assert Skill.load(skill).digest == before
            process = None
            again = await asyncio.create_subprocess_exec(
                *command(skill, records), env=env, cwd=ROOT
            )
            return await again.wait()

    assert asyncio.run(scenario()) == 0
    assert check_folder(Skill.load(skill)) == []
    kept = list((tmp_path / "inter" / "calls").rglob("*.json"))
    assert len(kept) == 9 + 4
    repeated = len(seen) - len(set(seen))
    assert repeated <= 4  # only calls that were in flight, unanswered, when the kill came
    assert (tmp_path / "change.log").exists()
    assert len(list_backups(skill)) == 1


def test_killed_at_random_moments_the_skill_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    skill = make_skill(tmp_path)
    records = make_records(tmp_path / "records.json", 6)
    before = Skill.load(skill).digest
    seen: list[str] = []

    async def scenario() -> None:
        async with author_server(seen, lambda role, number: None) as server:
            for delay in (0.45, 0.55, 0.65, 0.8, None):
                process = await asyncio.create_subprocess_exec(
                    *command(skill, records), env=environment(server.url), cwd=ROOT
                )
                with contextlib.suppress(TimeoutError, ProcessLookupError):
                    await asyncio.wait_for(process.wait(), delay)
                if process.returncode is None:
                    process.kill()
                    await process.wait()
                now = Skill.load(skill)
                assert now.digest == before or check_folder(now) == []
            assert process.returncode == 0

    asyncio.run(scenario())
    assert len(list_backups(skill)) == 1
    _, provenance, _ = explain(skill)
    assert provenance.files() == dict(Skill.load(skill).files)


@pytest.mark.parametrize("moment", ["writing.keep", "evolution.change_log"])
def test_killed_between_the_swap_and_the_bookkeeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    skill = make_skill(tmp_path)
    records = make_records(tmp_path / "records.json", 6)
    with monkeypatch.context() as patch:
        patch.setattr(f"skill_evolver.engine.{moment}", lambda *_: sys.exit(9))
        with pytest.raises(SystemExit):
            run(skill, records, Author())
    evolved = Skill.load(skill).digest
    idle = Author()
    assert run(skill, records, idle) == 0
    assert idle.calls == {}
    assert Skill.load(skill).digest == evolved
    assert len(list_backups(skill)) == 1
    assert explain(skill)[1].lessons
    assert (tmp_path / "skills_evolution" / "xlsx" / "change.log").exists()
    assert rollback.main([str(skill)]) == 0
    assert "Case 3" not in Skill.load(skill).text


@pytest.fixture
def evolved(tmp_path: Path) -> Path:
    skill = make_skill(tmp_path)
    records = make_records(tmp_path / "records.json", 12, logs=tmp_path / "logs")
    assert run(skill, records, Author(), "--merge-batch-size", "3") == 0
    return skill


def test_blame_of_every_added_line_ends_at_existing_trajectories(evolved: Path) -> None:
    skill, provenance, _ = explain(evolved)
    added = 0
    for path, text in skill.files.items():
        for number, line in enumerate(origins(text, path, provenance), start=1):
            told = "\n".join(describe(path, number, line, provenance))
            if line.origin:
                added += 1
                assert "trajectory 7" in told
                assert "wrong cells Data!B2" in told
                assert "not there now" not in told
            else:
                assert line.text in provenance.base[path].splitlines()
    assert added > 10


def test_skill_and_history_that_moved_together_still_explain_themselves(
    evolved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = evolved.parents[1]
    moved = tmp_path.with_name(f"{tmp_path.name} elsewhere") / evolved.relative_to(tmp_path)
    shutil.move(tmp_path, moved.parents[len(evolved.relative_to(tmp_path).parts) - 1])
    assert not work.exists()
    assert lessons.main([str(moved)]) == 0
    assert blame.main([f"{moved}/SKILL.md:1"]) == 0
    assert "explained by" in capsys.readouterr().err
    assert revert.main([str(moved), "L1"]) == 0
    assert rollback.main([str(moved)]) == 0
    assert lessons.main([str(moved)]) == 0
    assert "L1 " in capsys.readouterr().out


def test_blame_knows_lines_that_were_written_by_hand(
    evolved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = evolved / "SKILL.md"
    file.write_text(file.read_text() + "\nBy hand.\n")
    count = len(file.read_text().splitlines())
    assert blame.main([f"{file}:{count}"]) == 0
    assert "by no evolution" in capsys.readouterr().out
    assert blame.main([f"{file}:{count + 1}"]) == 2
    assert blame.main([str(file)]) == 0
    assert "L1 (2)" in capsys.readouterr().out


def test_lessons_are_listed_by_support(evolved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lessons.main([str(evolved.parent)]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    supports = [int(row.split()[1]) for row in rows]
    assert supports == sorted(supports, reverse=True)
    assert supports[0] == 2


def test_revert_takes_one_lesson_out_everywhere(evolved: Path) -> None:
    skill, provenance, _ = explain(evolved)
    with_file = next(e for e in provenance.lessons if len(e.files) > 1)
    [reference] = [f for f in with_file.files if f != "SKILL.md"]
    assert revert.main([str(evolved), with_file.id]) == 0
    after = Skill.load(evolved)
    assert reference not in after.files
    assert reference not in after.text
    others = [line for line in skill.text.splitlines() if reference not in line]
    assert after.text.splitlines() == others
    assert check_folder(after) == []
    assert revert.main([str(evolved), with_file.id]) == 2
    assert rollback.main([str(evolved)]) == 0
    assert Skill.load(evolved).digest == skill.digest
    assert [e.id for e in explain(evolved)[1].lessons] == [e.id for e in provenance.lessons]


def test_revert_leaves_hand_work_alone(evolved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = evolved / "SKILL.md"
    file.write_text(file.read_text() + "\nBy hand.\n")
    assert revert.main([str(evolved), "L1"]) == 2
    assert "by hand" in capsys.readouterr().err


def test_rollback_brings_the_first_version_back(evolved: Path) -> None:
    [first] = list_backups(evolved)
    assert rollback.main([str(evolved), "--to", first.name]) == 0
    assert Skill.load(evolved).digest == Skill.load(first).digest
    assert rollback.main([str(evolved), "--to", "nothing"]) == 2


def test_a_second_evolution_keeps_the_history_of_the_first(evolved: Path, tmp_path: Path) -> None:
    first = explain(evolved)[1]
    more = make_records(tmp_path / "more.json", 20)
    assert run(evolved, more, Author(), "--start-idx", "12") == 0
    _, both, _ = explain(evolved)
    assert both.evolutions == 2
    assert len(both.lessons) > len(first.lessons)
    assert both.files() == dict(Skill.load(evolved).files)
    assert len({e.id for e in both.lessons}) == len(both.lessons)
    assert revert.main([str(evolved), first.lessons[-1].id]) == 0


def test_stability_reports_survival(tmp_path: Path) -> None:
    skill = make_skill(tmp_path)
    records = make_records(tmp_path / "records.json", 12)
    before = Skill.load(skill).digest

    around = sorted(tmp_path.iterdir())
    told = asyncio.run(_stability(skill, records, tmp_path / "elsewhere"))
    assert told.startswith("11 lessons, merged again in 2 other orders\nJaccard over lessons: 1.00")
    assert "2/2  2 -> 2, 2" in told
    assert Skill.load(skill).digest == before
    assert sorted(tmp_path.iterdir()) == sorted([*around, tmp_path / "elsewhere"])
    assert [path.name for path in skill.parent.iterdir()] == [skill.name]


async def _stability(skill: Path, records: Path, cwd: Path) -> str:
    cwd.mkdir()
    async with author_server([], lambda role, number: None) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "trace2skill", "stability", "--skill-dir", str(skill),
            "--error-json", str(records), "--model", "m", "--merge-batch-size", "3",
            "--times", "2", env=environment(server.url), cwd=cwd,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return out.decode()


def test_an_estimate_calls_nobody(tmp_path: Path) -> None:
    skill = make_skill(tmp_path)
    records = make_records(tmp_path / "records.json", 70)
    done = subprocess.run(
        [*command(skill, records), "--estimate", "--prices", "1,2", "--merge-batch-size", "5"],
        env=environment("http://127.0.0.1:9/v1"), cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "MAP        70 calls" in done.stdout
    assert "merge      18 calls" in done.stdout
    assert "in all     88 calls" in done.stdout
    assert "about $" in done.stdout
    assert list_backups(skill) == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--input-json", "nowhere.json"], "no such record file"),
        (["--start-idx", "99"], "no record is left"),
        (["--skill-dir", "nowhere"], "no such skills folder"),
    ],
)
def test_wrong_inputs_are_one_line(tmp_path: Path, flags: list[str], words: str) -> None:
    skill = make_skill(tmp_path)
    records = make_records(tmp_path / "records.json", 2)
    done = subprocess.run(
        [*command(skill, records), *flags], env=environment("http://127.0.0.1:9/v1"),
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list_backups(skill) == []


@pytest.mark.parametrize(
    "module",
    ["run_parallel_skill_evolution", "run_parallel_combined_skill_evolution", "evolve",
     "commands.lessons", "commands.blame", "commands.revert", "commands.rollback",
     "commands.stability"],
)  # fmt: skip
def test_help_is_quick(module: str) -> None:
    start = time.process_time()
    args = [sys.executable, "-X", "importtime", "-m", f"skill_evolver.{module}", "--help"]
    done = subprocess.run(args, cwd=ROOT, capture_output=True, text=True, check=True)
    assert time.process_time() - start < 1
    for heavy in ("pydantic", "jinja2", "aiohttp", "markdown_it"):
        assert f" {heavy}\n" not in done.stderr


def test_flags_are_taken_in_both_spellings() -> None:
    parser = parser_of(Evolution, "test")
    for spelling in ("--merge-batch-size", "--merge_batch_size"):
        args = parser.parse_args(["--skill_dir", "x", spelling, "7"])
        assert read(Evolution, args).merge_batch_size == 7

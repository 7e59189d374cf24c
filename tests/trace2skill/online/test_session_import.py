"""`trace2skill sessions`: what is shown is what is written, and nobody has judged it."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from browser import ARGUMENTS, CHROMIUM, needs_chromium
from playwright.sync_api import expect, sync_playwright
from sessionfiles import codex_rows, langsmith_runs, qwen_rows, work_day, write_lines
from verdictfiles import verdict

from analysis.analysts.single_call import FAILURES, SUCCESSES, SingleCallAnalyst
from analysis.lessons.selection import select
from react_agent.errors import ContractError
from react_agent.files import read_json, read_lines
from react_agent.layout import SIGNALS, RunLayout
from react_agent.model import ScriptedModel
from react_agent.runs.activation import Opening
from react_agent.runs.logs import find_logs, read_log
from react_agent.runs.triage import triage
from react_agent.runs.verdicts import Evaluation, summarize
from reporting.page.overview import outcome_of
from reporting.page.settings import Report
from reporting.page.stage import write_report
from reporting.runs.runview import RunView, load_runs
from reporting.runs.steps import steps_of
from trace2skill.cli import main
from trace2skill.online.importing import import_sessions
from trace2skill.online.settings import SessionImport

CODEX = "22222222-0000-7000-8000-000000000002"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "sessions"
    day = work_day()
    day.tool("Bash", {"command": "env"}, "GITHUB_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ")
    day.write(folder)
    write_lines(folder / "codex" / f"rollout-2026-11-20T10-00-00-{CODEX}.jsonl", codex_rows())
    write_lines(folder / "qwen" / "q.jsonl", qwen_rows())
    write_lines(folder / "export.jsonl", langsmith_runs())
    return folder


def imported(source: Path, run: Path, **more: object) -> RunLayout:
    return import_sessions(SessionImport(output_dir=run, source=source, **more)).layout  # type: ignore[arg-type]


def test_all_sessions_become_logs_that_are_read_back(source: Path, tmp_path: Path) -> None:
    layout = imported(source, tmp_path / "run")
    logs = {name.agent: read_log(path) for name, path in find_logs(layout.logs)}
    assert set(logs) == {"claude-code-skill", "codex", "qwen-code", "langsmith"}
    for log in logs.values():
        assert log.result["outcome"] == "unknown"
        assert log.result["success"] is None
        assert not log.not_the_agent
        steps = steps_of(log)
        assert steps
        assert not [step for step in steps if "problem" in step]
    (shell,) = [s for s in steps_of(logs["codex"]) if s.get("tool") == "exec_command"]
    assert "no such file" in shell["observation"]


def test_skills_that_a_session_opened_are_known_with_the_step(source: Path, tmp_path: Path) -> None:
    day = work_day("33333333-aaaa-4bbb-8ccc-000000000003")
    day.tool("Bash", {"command": "cat ~/.claude/skills/sheets/references/dates.md"}, "ISO.")
    day.write(source)
    (run,) = load_runs(imported(source, tmp_path / "run").root)
    by_client = {run.logs[key].name.partition("_")[0]: found for key, found in opened_of(run)}
    (first, second) = run.activation["33333333-aaaa-4bbb-8ccc-000000000003"]
    assert (first.file, second.file) == ("sheets/SKILL.md", "sheets/references/dates.md")
    log = read_log(run.logs["33333333-aaaa-4bbb-8ccc-000000000003", ""])
    replies = [m.text for m in log.messages if m.role == "assistant"]
    assert '"sheets"' in replies[first.step - 1]
    assert "dates.md" in replies[second.step - 1]
    assert by_client["codex"] == ()


def opened_of(run: RunView) -> list[tuple[tuple[str, str], tuple[Opening, ...]]]:
    return [(key, run.activation[key[0]]) for key in run.logs]


def test_each_signal_names_the_message_that_gives_it(source: Path, tmp_path: Path) -> None:
    layout = imported(source, tmp_path / "run")
    logs = {name.task_id: read_log(path) for name, path in find_logs(layout.logs)}
    rows = list(read_lines(layout.root / SIGNALS))
    assert {row["kind"] for row in rows} >= {"correction", "tests pass", "abort", "complaint"}
    for row in rows:
        message = logs[row["task"]].messages[row["message"] - 1]
        if row["kind"] in ("correction", "praise", "abort"):
            assert row["text"] in " ".join(message.text.split())
        if row["kind"] == "tests pass":
            assert message.text.startswith("Observation:")


def test_what_show_prints_is_what_import_writes(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = imported(source, tmp_path / "run")
    for name, path in find_logs(layout.logs):
        assert main(["sessions", "show", name.task_id[:8], "--from", str(source)]) == 0
        shown = capsys.readouterr()
        assert shown.out == path.read_text(encoding="utf-8")
        assert "ghp_" not in shown.out
        assert "marta" not in shown.out
    assert "taken out:" in shown.err


def test_sessions_are_neither_solved_nor_failed(source: Path, tmp_path: Path) -> None:
    layout = imported(source, tmp_path / "run")
    before = sorted(path.name for path in layout.logs.iterdir())
    for wanted in ("FAILED", "SUCCEED"):
        with pytest.raises(ContractError, match="--all"):
            select(layout.logs, wanted)  # type: ignore[arg-type]
    chosen = select(layout.logs, "ALL").subjects
    assert len(chosen) == 4
    assert not any(subject.judged for subject in chosen)
    some = verdict("some-task", [True])
    others = Evaluation(summary=summarize([some]), results=(some,))
    assert [row.outcome for row in triage(others, layout.logs)] == ["no log"]
    assert sorted(path.name for path in layout.logs.iterdir()) == before
    (run,) = load_runs(layout.root)
    assert {outcome_of(run, task) for task in run.task_ids} == {"not scored"}


@pytest.mark.parametrize("call", [FAILURES, SUCCESSES], ids=lambda c: c.kind)
def test_an_analyst_is_told_that_nobody_knows(call, source: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    layout = imported(source, tmp_path / "run")
    subject = next(s for s in select(layout.logs, "ALL").subjects if "skill" in s.name.agent)
    model = ScriptedModel(*["nothing to report"] * 9)
    analyst = SingleCallAnalyst(call, model, "m", tmp_path / "reports")
    analysis = asyncio.run(analyst.analyse(subject))
    prompt = model.asked[0][-1].text
    assert "Nobody has judged it" in prompt
    assert "Here is the run. It" not in prompt
    assert "correction: No, you forgot the header row" in prompt
    assert analysis.error_class == ""
    tagged = subject.path.with_name(f"{subject.path.stem}_FAILED.md")
    shutil.copy(subject.path, tagged)
    (judged,) = [s for s in select(tagged.parent, "ALL").left_out if s.reason == "two verdicts"][:1]
    assert judged


def test_the_report_shows_them(source: Path, tmp_path: Path) -> None:
    layout = imported(source, tmp_path / "run")
    page = write_report(Report(runs=(layout.root,)))
    assert page.problems == 1  # there are no verdicts
    assert "you forgot the header row" in page.file.read_text(encoding="utf-8")


@needs_chromium
def test_the_report_says_which_skills_were_opened(source: Path, tmp_path: Path) -> None:
    page = write_report(Report(runs=(imported(source, tmp_path / "run").root,)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        tab = browser.new_page()
        tab.goto(page.file.resolve().as_uri())
        rows = tab.locator("section", has_text="Was the skill read?").locator("tbody tr")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("1 of 4")
        expect(rows).to_contain_text("sheets/SKILL.md (1)")
        browser.close()


def test_a_second_import_keeps_what_is_the_same_and_adds_the_rest(
    source: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = import_sessions(SessionImport(output_dir=run, source=source, ids=("22222222",)))
    assert (first.written, first.kept) == (1, 0)
    second = import_sessions(SessionImport(output_dir=run, source=source))
    assert (second.written, second.kept) == (3, 1)
    assert len(list(read_lines(second.layout.lines))) == 4
    assert read_json(second.layout.settings)["settings"]["domain"] == "sessions"


def test_a_folder_of_another_run_is_left_alone(source: Path, tmp_path: Path) -> None:
    layout = RunLayout.below(tmp_path / "run")
    layout.outputs.mkdir(parents=True)
    layout.settings.write_text('{"settings": {"agent": "x"}}', encoding="utf-8")
    with pytest.raises(ContractError, match="a run of another kind"):
        imported(source, layout.root)
    assert not layout.logs.exists()


def test_list_says_what_there_is(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sessions", "list", "--from", str(source)]) == 0
    assert "4 sessions" in capsys.readouterr().out
    assert main(["sessions", "list", "--from", str(source), "--client", "codex", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["client"] == "codex"
    assert main(["sessions", "list", "--from", str(source), "--since", "2999-01-01"]) == 0
    assert "0 sessions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--client", "nobody"], "client 'nobody' is not known"),
        (["list", "--from", "no/such/folder"], "no such folder"),
        (["list", "--since", "soon"], "is no day"),
        (["show", "zzz"], "no session begins with zzz"),
        (["import", "{run}", "--ids", "zzz"], "no session zzz"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: list[str],
    said: str,
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [part.replace("{run}", str(tmp_path / "run")) for part in arguments]
    more = [] if "--from" in given else ["--from", str(source)]
    assert main(["sessions", *given, *more]) == 2
    assert said in capsys.readouterr().err


def test_the_usual_places_are_looked_at(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("CODEX_HOME", raising=False)
    shutil.copytree(source / "projects", tmp_path / "home" / ".claude" / "projects")
    shutil.copytree(source / "codex", tmp_path / "home" / ".codex" / "sessions" / "2026")
    shutil.copytree(source / "qwen", tmp_path / "home" / ".qwen" / "projects" / "p" / "chats")
    assert main(["sessions", "list"]) == 0
    assert "3 sessions" in capsys.readouterr().out

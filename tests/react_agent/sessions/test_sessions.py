"""Sessions of real clients become trajectories: each line counted once, what is torn costs itself,
and every signal names its step."""

import copy
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessionfiles import (
    Claude,
    codex_rows,
    langsmith_runs,
    qwen_rows,
    work_day,
    write_lines,
)

from react_agent.errors import ContractError
from react_agent.evidence import Evidence, Session
from react_agent.model import Usage
from react_agent.registry import EVIDENCE, find
from react_agent.sessions.claude_code import ClaudeCode
from react_agent.sessions.codex import Codex
from react_agent.sessions.langsmith import LangSmith
from react_agent.sessions.qwen_code import QwenCode
from react_agent.sessions.reading import counted_once
from reporting.exporting.atif import as_atif
from reporting.exporting.rows import SaidRow, TrajectoryRow

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile


def sessions(evidence: Evidence) -> list[Session]:
    return counted_once(evidence.read(reference) for reference in evidence.discover())


def one(evidence: Evidence) -> Session:
    (session,) = sessions(evidence)
    return session


def kinds(session: Session) -> list[str]:
    return [step.kind for step in session.steps]


def all_clients(folder: Path) -> None:
    work_day().write(folder)
    write_lines(folder / "codex" / "rollout-1.jsonl", codex_rows())
    write_lines(folder / "qwen" / "chats" / "q.jsonl", qwen_rows())
    write_lines(folder / "export.jsonl", langsmith_runs())


def test_each_reader_takes_the_sessions_of_its_own_client(tmp_path: Path) -> None:
    all_clients(tmp_path)
    for name, value in documents().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    for name in EVIDENCE:
        evidence = find(EVIDENCE, "client", name)(tmp_path)
        assert [ref.evidence for ref in evidence.discover()] == [name]
        assert evidence.read(evidence.discover()[0]).task


def test_a_session_of_claude_code_has_all_that_happened(tmp_path: Path) -> None:
    work_day().write(tmp_path)
    session = one(ClaudeCode(tmp_path))
    assert (session.version, session.model) == ("2.1.332", "claude-m")
    assert session.task == "Fix the totals in report.py"
    assert session.skills == ("sheets",)
    assert session.cwd.endswith("ledger-app")
    assert kinds(session)[:5] == ["user", "injected", "thought", "skill_load", "tool_result"]
    found = {(s.kind, s.step) for s in ClaudeCode(tmp_path).signals(session)}
    told = {kind: session.steps[step - 1] for kind, step in found}
    assert {k for k, _ in found} == {
        *("tool error", "retry loop", "denial", "correction", "abort", "tests pass", "praise")
    }
    assert told["correction"].text.startswith("No, you forgot")
    assert told["denial"].denied
    assert told["tests pass"].text == "7 passed in 0.2s"
    assert told["tool error"].exit_code == 1


def test_a_call_of_the_model_counts_once_with_its_last_number(tmp_path: Path) -> None:
    day = Claude()
    day.user("x")
    day.tool("Bash", {"command": "ls"}, "a", thought="I look.")
    day.say("done")
    day.write(tmp_path)
    session = one(ClaudeCode(tmp_path))
    assert session.usage == Usage(
        calls=2, prompt_tokens=300, completion_tokens=16, cached_tokens=60
    )


def test_a_fork_counts_only_what_it_adds(tmp_path: Path) -> None:
    first = work_day()
    fork = Claude("55555555-aaaa-4bbb-8ccc-000000000005")
    fork.rows = [{**copy.deepcopy(row), "sessionId": fork.session} for row in first.rows]
    copied = len(fork.rows)
    fork._calls = iter(range(900, 999))  # type: ignore[assignment]
    fork.user("Now the other sheet", timestamp="2026-11-21T10:00:00Z")
    fork.say("That is done.")
    pure = Claude("66666666-aaaa-4bbb-8ccc-000000000006")
    pure.rows = copy.deepcopy(fork.rows[:copied])
    for number, session in enumerate((first, fork, pure)):
        file = session.write(tmp_path)
        os.utime(file, (1_700_000_000 + number,) * 2)
    evidence = ClaudeCode(tmp_path)
    alone, added = sessions(evidence)
    whole = {row["uuid"] for row in (*first.rows, *fork.rows)}
    counted = [s.line for found in (alone, added) for s in found.steps if not s.copied]
    assert set(counted) <= whole
    assert len(added.steps) > len(alone.steps)
    assert added.usage.calls == 1
    assert not [s for s in evidence.signals(added) if s.kind != "praise"]
    assert evidence.signals(alone)


def test_a_resumed_session_that_repeats_its_lines_counts_them_once(tmp_path: Path) -> None:
    day = work_day()
    once = len(day.rows)
    day.rows = [*day.rows, *copy.deepcopy(day.rows)]
    day.write(tmp_path)
    session = one(ClaudeCode(tmp_path))
    assert len(set(session.lines)) <= once
    assert kinds(session).count("skill_load") == 1


def test_subagents_are_apart_and_their_calls_are_counted(tmp_path: Path) -> None:
    day = Claude()
    day.user("x")
    day.say("y")
    file = day.write(tmp_path)
    side = Claude()
    side.user("look into it", isSidechain=True)
    side.say("found", message="side_1")
    for row in side.rows:
        row["isSidechain"] = True
        row["uuid"] = f"side-{row['uuid']}"
    write_lines(file.with_suffix("") / "subagents" / "agent-a1.jsonl", side.rows)
    session = one(ClaudeCode(tmp_path))
    assert kinds(session) == ["user", "say"]
    assert [step.kind for step in session.sides["a1"]] == ["user", "say"]
    assert session.usage.calls == 2


@pytest.mark.parametrize("inside", [True, False])
def test_an_output_laid_aside_is_found_in_the_sessions_own_folder_only(
    inside: bool, tmp_path: Path
) -> None:
    day = Claude()
    day.user("x")
    secret = tmp_path / "id_rsa"
    secret.write_text("not for you", encoding="utf-8")
    named = "/elsewhere/tool-results/b7.txt" if inside else str(secret)
    text = f"<persisted-output> Output too large (340.7KB). Full output saved to: {named}\nPreview"
    day.tool("Bash", {"command": "cat big"}, text)
    aside = day.write(tmp_path).with_suffix("") / "tool-results"
    aside.mkdir(parents=True)
    (aside / "b7.txt").write_text("the whole of it", encoding="utf-8")
    (aside / "id_rsa").symlink_to(secret)
    result = one(ClaudeCode(tmp_path)).steps[-1].text
    assert result == ("the whole of it" if inside else text)


def test_a_prompt_given_anew_from_an_earlier_point_is_a_correction(tmp_path: Path) -> None:
    day = Claude()
    day.user("x")
    parent = day.say("y")["uuid"]
    day.user("make it blue")
    day.say("blue")
    day.user("make it red", parentUuid=parent)
    day.write(tmp_path)
    evidence = ClaudeCode(tmp_path)
    (signal,) = evidence.signals(one(evidence))
    assert (signal.kind, signal.text) == ("correction", "make it red")


def test_a_session_that_the_endpoint_ended_is_infrastructure(tmp_path: Path) -> None:
    day = Claude()
    day.user("x")
    day.say("y")
    day.say("API Error: 500")["isApiErrorMessage"] = True
    day.write(tmp_path)
    assert one(ClaudeCode(tmp_path)).status == "infrastructure"


def test_a_session_of_codex(tmp_path: Path) -> None:
    write_lines(tmp_path / "rollout-1.jsonl", codex_rows())
    evidence = Codex(tmp_path)
    session = one(evidence)
    assert (session.task, session.model, session.version) == ("Count the rows", "gpt-x", "0.171.0")
    assert session.usage == Usage(
        calls=2, prompt_tokens=100, completion_tokens=10, cached_tokens=20
    )
    assert {(s.kind, session.steps[s.step - 1].kind) for s in evidence.signals(session)} == {
        ("tool error", "tool_result"),
        ("abort", "abort"),
    }
    assert next(s.exit_code for s in session.steps if s.kind == "tool_result") == 2


def test_a_session_of_qwen_code(tmp_path: Path) -> None:
    write_lines(tmp_path / "q.jsonl", qwen_rows())
    evidence = QwenCode(tmp_path)
    session = one(evidence)
    assert kinds(session) == ["user", "thought", "tool_call", "tool_result", "say"]
    assert session.usage.prompt_tokens == 80
    assert [s.kind for s in evidence.signals(session)] == ["tests pass"]


@pytest.mark.parametrize("form", ["lines", "list", "nested"])
def test_an_export_of_langsmith(form: str, tmp_path: Path) -> None:
    runs = langsmith_runs()
    if form == "lines":
        write_lines(tmp_path / "export.jsonl", runs)
    elif form == "list":
        (tmp_path / "export.json").write_text(json.dumps(runs), encoding="utf-8")
    else:
        nested = {**runs[0], "child_runs": runs[1:]}
        (tmp_path / "export.json").write_text(json.dumps({"runs": [nested]}), encoding="utf-8")
    evidence = LangSmith(tmp_path)
    session = one(evidence)
    assert session.task == "What is the rate?"
    assert session.usage.prompt_tokens == 90
    assert kinds(session) == ["user", "feedback", "tool_call", "tool_result", "say"]
    assert [s.kind for s in evidence.signals(session)] == ["complaint", "tool error"]


def documents() -> dict[str, dict[str, Any]]:
    """A trajectory and a log of the two kinds that are one JSON document."""
    call = {"id": "c1", "function": "bash", "arguments": {"command": "ls"}}
    inspected = [
        {"id": "m0", "role": "system", "content": "Be brief."},
        {"id": "m1", "role": "user", "content": "Sum column B."},
        {
            "id": "m2",
            "role": "assistant",
            "content": [
                {"type": "reasoning", "reasoning": "First look."},
                {"type": "text", "text": "I look."},
            ],
            "tool_calls": [call],
        },
        {
            "id": "m3",
            "role": "tool",
            "content": "",
            "tool_call_id": "c1",
            "function": "bash",
            "error": {"type": "timeout", "message": "took too long"},
        },
        {"id": "m4", "role": "assistant", "content": "42"},
    ]
    used = {"input_tokens": 70, "input_tokens_cache_read": 20, "output_tokens": 9}
    sample = {
        "id": 1,
        "epoch": 2,
        "messages": inspected,
        "scores": {"match": {"value": "I", "explanation": "43 was right"}},
        "model_usage": {"m": used},
    }
    messages = [
        SaidRow(role="system", content="Be brief."),
        SaidRow(role="user", content="Sum column B."),
        SaidRow(
            role="assistant",
            content='Thought: I look.\nAction: {"name": "bash", "arguments": {"command": "ls"}}',
        ),
        SaidRow(role="user", content="Observation:\nbook.xlsx"),
        SaidRow(role="assistant", content="It is 42.\n\nACTION: TASK_COMPLETE"),
    ]
    row = TrajectoryRow.model_construct(
        run="r", task_id="1", case="", seed=None, agent="a", model="m", status="completed",
        outcome="success", turns=2, error="", prompt_tokens=90, completion_tokens=9,
        cached_tokens=20, seconds=1.0, signals=(), log_file="", messages=tuple(messages),
    )  # fmt: skip
    return {
        "atif": as_atif(row),
        "inspect": {"eval": {"run_id": "run", "model": "m"}, "samples": [sample]},
    }


LINES = sorted(set(EVIDENCE) - set(documents()))


@pytest.mark.parametrize("name", documents())
def test_documents_are_read_with_their_usage(name: str, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(documents()[name]), encoding="utf-8")
    others = {"torn": "{", "list": "[1]", "other": '{"samples": [{}], "steps": [{}]}'}
    for other, text in others.items():
        (tmp_path / f"{other}.json").write_text(text, encoding="utf-8")
    session = one(find(EVIDENCE, "client", name)(tmp_path))
    assert (session.model, session.task) == ("m", "Sum column B.")
    assert (session.usage.prompt_tokens, session.usage.completion_tokens) == (90, 9)
    assert session.usage.cached_tokens == 20
    called = next(step for step in session.steps if step.kind == "tool_call")
    result = next(step for step in session.steps if step.kind == "tool_result")
    assert (called.name, dict(called.arguments)) == ("bash", {"command": "ls"})
    assert called.call == result.call
    assert session.steps[0].kind == "injected"


@pytest.mark.parametrize("name", documents())
def test_documents_that_are_alike_are_sessions_each(name: str, tmp_path: Path) -> None:
    text = json.dumps(documents()[name])
    first = one_of(text, name, tmp_path)
    (tmp_path / "two.json").write_text(text.replace(first.reference.id.split("-")[0], "another"))
    evidence = find(EVIDENCE, "client", name)(tmp_path)
    found = counted_once(evidence.read(ref) for ref in evidence.discover())
    assert [session.usage for session in found] == [first.usage] * 2
    assert all(not step.copied for session in found for step in session.steps)


def one_of(text: str, name: str, folder: Path) -> Session:
    (folder / "one.json").write_text(text, encoding="utf-8")
    return one(find(EVIDENCE, "client", name)(folder))


def test_what_is_exported_as_atif_is_read_back_whole(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(documents()["atif"]), encoding="utf-8")
    session = one(find(EVIDENCE, "client", "atif")(tmp_path))
    said = [(step.kind, step.text) for step in session.steps]
    assert said == [
        ("injected", "Be brief."),
        ("user", "Sum column B."),
        ("say", "I look."),
        ("tool_call", ""),
        ("tool_result", "book.xlsx"),
        ("say", "It is 42."),
    ]


def test_a_sample_of_inspect_keeps_thought_error_and_score(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps(documents()["inspect"]), encoding="utf-8")
    evidence = find(EVIDENCE, "client", "inspect")(tmp_path)
    session = one(evidence)
    assert session.reference.id == "run-1-2"
    assert [s.text for s in session.steps if s.kind == "thought"] == ["First look."]
    assert [s.kind for s in evidence.signals(session)] == ["tool error", "complaint"]


def archive(file: Path, header: str = "header.json", last: bytes = b"") -> dict[str, Any]:
    """The log of documents() as Inspect packs it: a long text laid aside."""
    log = documents()["inspect"]
    sample = json.loads(json.dumps(log["samples"][0]))
    aside = {"0" * 32: sample["messages"][1]["content"]}
    sample["messages"][1]["content"] = "attachment://" + "0" * 32
    with zipfile.ZipFile(file, "w", zipfile.ZIP_ZSTANDARD) as packed:
        packed.writestr("_journal/summaries/1.json", "[]")
        packed.writestr("samples/1_epoch_2.json", json.dumps({**sample, "attachments": aside}))
        packed.writestr(header, json.dumps({"eval": log["eval"], "status": "started"}))
        if last:
            packed.writestr("samples/z_epoch_1.json", last)
    return log


@pytest.mark.parametrize("header", ["header.json", "_journal/start.json"])
def test_an_archive_of_inspect_says_what_its_json_says(header: str, tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed", tmp_path / "plain"
    packed.mkdir()
    plain.mkdir()
    (plain / "log.json").write_text(json.dumps(archive(packed / "log.eval", header)))
    found, wanted = (one(find(EVIDENCE, "client", "inspect")(x)) for x in (packed, plain))
    assert (found.steps, found.calls, found.model) == (wanted.steps, wanted.calls, wanted.model)
    assert found.reference.id == wanted.reference.id


def test_a_broken_archive_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("react_agent.sessions.inspect_logs.LARGEST", 10_000)
    archive(tmp_path / "whole.eval")
    whole = (tmp_path / "whole.eval").read_bytes()
    (tmp_path / "torn.eval").write_bytes(whole[:-30])
    (tmp_path / "noise.eval").write_bytes(whole.replace(b"samples/1", b"samples/2", 1))
    archive(tmp_path / "bomb.eval", last=b" " * 10_000_000)
    archive(tmp_path / "torn_sample.eval", last=b'{"id": ')
    with zipfile.ZipFile(tmp_path / "other.eval", "w") as packed:
        packed.writestr("readme.txt", "no log")
    references = find(EVIDENCE, "client", "inspect")(tmp_path).discover()
    assert [ref.file.name for ref in references] == ["whole.eval"]
    told = {str(record.args[0]).split(":")[0] for record in caplog.records if record.args}
    assert {Path(file).stem for file in told} == {"torn", "noise", "bomb", "torn_sample", "other"}


def rows_of_clients() -> dict[str, list[Any]]:
    return {
        "claude-code": work_day().rows,
        "codex": codex_rows(),
        "qwen-code": qwen_rows(),
        "langsmith": langsmith_runs(),
    }


@pytest.mark.parametrize("name", LINES)
def test_torn_and_hostile_lines_cost_themselves(name: str, tmp_path: Path) -> None:
    rows = rows_of_clients()[name]
    good = [json.dumps(row).encode() for row in rows]
    bad = [b"{", b"[" * 100_000, b"\xff\xfe", b"7", b'{"type": {}, "message": 3, "payload": []}']
    file = tmp_path / "s.jsonl"
    file.write_bytes(b"\n".join(good) + b"\n")
    whole = one(find(EVIDENCE, "client", name)(tmp_path))
    file.write_bytes(b"\n".join([*good, *bad, good[-1][:30]]))
    session = one(find(EVIDENCE, "client", name)(tmp_path))
    assert [s.text for s in session.steps] == [s.text for s in whole.steps]
    assert len(session.problems) == 5


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    name=st.sampled_from(sorted(EVIDENCE)), place=st.integers(0, 40), junk=VALUES, data=st.data()
)
def test_no_value_in_any_place_breaks_a_reader(
    name: str, place: int, junk: object, data: st.DataObject, tmp_path_factory: object
) -> None:
    known = rows_of_clients() | {known: [value] for known, value in documents().items()}
    rows = copy.deepcopy(known[name])
    spot: object = rows[place % len(rows)]
    while True:
        keys = sorted(spot) if isinstance(spot, dict) else list(range(len(spot)))  # type: ignore[arg-type]
        key = data.draw(st.sampled_from(keys))
        inner = spot[key]  # type: ignore[index]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            spot[key] = junk  # type: ignore[index]
            break
        spot = inner
    folder = Path(tmp_path_factory.mktemp("s"))  # type: ignore[attr-defined]
    if name in LINES:
        write_lines(folder / "s.jsonl", rows)
    else:
        (folder / "s.json").write_text(json.dumps(rows[0]), encoding="utf-8")
    evidence = find(EVIDENCE, "client", name)(folder)
    for reference in evidence.discover():
        evidence.signals(evidence.read(reference))


def test_what_is_no_file_and_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no such folder of sessions"):
        ClaudeCode(tmp_path / "none")
    file = work_day().write(tmp_path)
    os.mkfifo(file.with_name("pipe.jsonl"))
    evidence = ClaudeCode(tmp_path)
    (reference,) = evidence.discover()
    file.unlink()
    with pytest.raises(ContractError, match="no such session file"):
        evidence.read(reference)

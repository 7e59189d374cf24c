"""Logs come back as they were written, whatever the agent said; names are read in one place."""

import asyncio
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import ContractError
from react_agent.model import Body, ChatModel, ImagePart, Message, Reply, TextPart
from react_agent.models.spending.budget import prompt_tokens
from react_agent.runs.logs import (
    Log,
    LogName,
    check_name,
    find_logs,
    name_of,
    parse_markdown,
    read_log,
    render_markdown,
    write_log,
)
from react_agent.runs.settings import LogFormat

LINES = [
    "## [2] USER",
    "## RESULT",
    "\\## RESULT",
    "```",
    "````",
    "Observation:",
    "- turns: 9",
    "",
    "x",
]
TEXT = st.one_of(st.text(), st.lists(st.sampled_from(LINES)).map("\n".join))
CONTENT = st.one_of(TEXT, TEXT.map(lambda text: f"Observation:\n{text}"))
MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=CONTENT)
)
RESULT = {"success": True, "status": "stuck", "turns": 3, "error": "a\n## RESULT\nb"}


@given(MESSAGES, TEXT)
def test_markdown_round_trip(messages: list[Message], error: str) -> None:
    log = Log(tuple(messages), {**RESULT, "error": error}, "an_agent on 7")
    assert parse_markdown(render_markdown(log)) == log


@pytest.mark.parametrize("log_format", ["markdown", "jsonl"])
@pytest.mark.parametrize(
    "text", ["plain", "a\r\nb\rc", "\ud800 lone", "## RESULT\n- status: x", ""]
)
def test_file_round_trip(tmp_path: Path, log_format: LogFormat, text: str) -> None:
    log = Log((Message(role="user", content=text),), RESULT, "t")
    path = write_log(tmp_path, LogName("cli_only_agent", "CF_357"), log, log_format)
    assert read_log(path) == log


IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,8}(_[0-9]{1,4})?", fullmatch=True)


@given(
    st.sampled_from(["cli_only_agent", "cli_skill_preloaded_agent"]),
    IDS,
    st.sampled_from(["", "1_CF_357_input", "2_36478_input "]),
    st.sampled_from([None, "SUCCEED", "FAILED"]),
    st.sampled_from([".md", ".jsonl"]),
)
def test_names_round_trip(agent: str, task: str, case: str, tag: None, suffix: str) -> None:
    name = LogName(agent, task, case, tag)
    assert name_of(Path(name.stem + suffix)) == name


AGENTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,9}", fullmatch=True)


@given(
    AGENTS.filter(lambda name: "_agent" not in name),
    IDS,
    st.sampled_from(["", "1_CF_357_input"]),
    st.sampled_from([None, "SUCCEED", "FAILED"]),
    st.sampled_from(["markdown", "jsonl"]),
    st.booleans(),
)
def test_the_logs_of_an_agent_of_any_name_are_found(
    agent: str, task: str, case: str, tag: None, log_format: LogFormat, torn: bool
) -> None:
    check_name(agent)
    name = LogName(agent, task, case, tag)
    with tempfile.TemporaryDirectory() as folder:
        result = {"task": task, **RESULT}
        path = write_log(Path(folder), name, Log((), result, "t"), log_format)
        if torn and log_format == "markdown":
            path.write_text(path.read_text().partition("## RESULT")[0])
        assert find_logs(Path(folder)) == [(name, path)]


@pytest.mark.parametrize("agent", ["", "a/b", ".hidden", "two words", "one_agent_two"])
def test_a_name_that_logs_cannot_bear_is_refused(agent: str) -> None:
    with pytest.raises(ContractError, match="agent"):
        check_name(agent)


@pytest.mark.parametrize("log_format", ["markdown", "jsonl"])
def test_a_message_with_an_image_is_sent_whole_and_logged_in_words(
    tmp_path: Path, log_format: LogFormat
) -> None:
    parts = (TextPart(text="Read the total."), ImagePart.of(b"\x89PNG"))
    message = Message(role="user", content=parts)
    path = write_log(tmp_path, LogName("a_agent", "1"), Log((message,), RESULT, "t"), log_format)
    (read,) = read_log(path).messages
    assert read.text == message.text
    assert read.text.startswith("Read the total.\n[image image/png, 4 bytes")
    assert (read == message) == (log_format == "jsonl")
    sent: list[Body] = []

    class Endpoint:
        async def send(self, body: Body) -> Reply:
            sent.append(json.loads(json.dumps(body)))
            return Reply(text="ok")

    asyncio.run(ChatModel(Endpoint(), "m").reply([message]))
    (said,) = sent[0]["messages"]
    assert said["content"][0] == {"type": "text", "text": "Read the total."}
    assert said["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="
    assert 1_000 < prompt_tokens(sent[0]) < 2_000


@pytest.mark.parametrize(
    "name", ["success_analysis_1_prompt.md", "README.md", "cli_only_agent_1.txt"]
)
def test_other_files_are_no_logs(name: str) -> None:
    assert name_of(Path(name)) is None


def test_a_new_log_replaces_the_tagged_ones_of_the_same_run_only(tmp_path: Path) -> None:
    log = Log((), RESULT, "t")
    for stem in ("cli_only_agent_1_FAILED", "cli_only_agent_1_SUCCEED", "cli_only_agent_12_FAILED"):
        (tmp_path / f"{stem}.md").write_text("old")
    write_log(tmp_path, LogName("cli_only_agent", "1"), log, "markdown")
    assert [path.name for _, path in find_logs(tmp_path)] == [
        "cli_only_agent_1.md",
        "cli_only_agent_12_FAILED.md",
    ]


def test_a_log_without_result_is_not_the_agents_doing(tmp_path: Path) -> None:
    whole = render_markdown(Log((Message(role="user", content="x"),), RESULT, "t"))
    torn = parse_markdown(whole[: whole.rindex("\n\n## RESULT")])
    assert torn.not_the_agent
    assert torn.messages[0].content.startswith("x")


def test_an_unreadable_log_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "cli_only_agent_1.md"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContractError, match=r"cli_only_agent_1\.md"):
        read_log(path)

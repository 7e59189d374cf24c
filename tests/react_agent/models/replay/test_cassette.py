"""Recording and replaying: round trips, masks, misses that explain themselves, damaged files."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import ContractError, EndpointRefused
from react_agent.model import Body, ChatModel, Message, Reply, Usage
from react_agent.models.replay.cassette import (
    Masks,
    Recorder,
    Replayer,
    canonical,
    read_cassette,
    request_key,
)


class Script:
    """A transport that answers from a list."""

    def __init__(self, *replies: str | Reply) -> None:
        self.replies = [r if isinstance(r, Reply) else Reply(text=r) for r in replies]

    async def send(self, body: Body) -> Reply:
        return self.replies.pop(0)


def body(*texts: str, **settings: Any) -> Body:
    roles = ["system", "user"] + ["assistant", "user"] * 20
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return {"model": "m", "messages": messages, **settings}


def record(
    path: Path, *pairs: tuple[Body, str | Reply], masks: dict[str, str] | None = None
) -> None:
    async def run() -> None:
        recorder = Recorder(Script(*(r for _, r in pairs)), path, masks, note="n", origin="script")
        for asked, _ in pairs:
            await recorder.send(asked)

    asyncio.run(run())


def replay(path: Path, *bodies: Body, masks: dict[str, str] | None = None) -> list[str]:
    async def run() -> list[str]:
        replayer = Replayer(path, masks)
        return [(await replayer.send(asked)).text for asked in bodies]

    return asyncio.run(run())


def test_what_was_recorded_is_replayed_whole(tmp_path: Path) -> None:
    answer = Reply(text="t", reasoning="r", finish="length", usage=Usage(calls=1, prompt_tokens=7))
    record(tmp_path / "c.jsonl", (body("s", "u", seed=1), answer))

    async def run() -> Reply:
        return await Replayer(tmp_path / "c.jsonl").send(body("s", "u", seed=1))

    assert asyncio.run(run()) == answer


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(st.lists(TEXT, min_size=1, max_size=4), TEXT), min_size=1, max_size=5))
def test_any_conversations_come_back(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[list[str], str]]
) -> None:
    path = tmp_path_factory.mktemp("cassette") / "c.jsonl"
    pairs = [(body(*texts), answer) for texts, answer in calls]
    record(path, *pairs)
    assert replay(path, *(asked for asked, _ in pairs)) == [answer for _, answer in pairs]


def test_the_order_of_keys_in_a_body_does_not_matter(tmp_path: Path) -> None:
    record(tmp_path / "c", ({"model": "m", "messages": [], "seed": 1}, "a"))
    assert replay(tmp_path / "c", {"seed": 1, "messages": [], "model": "m"}) == ["a"]


@given(st.dictionaries(TEXT, st.integers() | TEXT | st.none() | st.lists(TEXT), max_size=4))
def test_everything_that_is_sent_is_in_the_key(settings: dict[str, Any]) -> None:
    plain = body("s", "u")
    changed = {**settings, **plain}
    assert (request_key(changed) == request_key(plain)) == (canonical(changed) == canonical(plain))


def test_repeated_requests_get_their_replies_in_order_then_the_last(tmp_path: Path) -> None:
    asked = body("s", "u")
    record(tmp_path / "c", (asked, "one"), (body("x"), "other"), (asked, "two"))
    assert replay(tmp_path / "c", *[asked] * 4) == ["one", "two", "two", "two"]


def test_recording_goes_on_in_an_existing_file(tmp_path: Path) -> None:
    record(tmp_path / "c", (body("s", "u"), "one"))
    record(tmp_path / "c", (body("s", "u", "one", "more"), "two"))
    assert replay(tmp_path / "c", body("s", "u"), body("s", "u", "one", "more")) == ["one", "two"]
    lines = (tmp_path / "c").read_text().splitlines()
    assert len(lines) == 3
    assert list(json.loads(lines[2])["new"].values()) == [{"role": "user", "content": "more"}]


def test_concurrent_replies_are_whole_lines(tmp_path: Path) -> None:
    async def run() -> None:
        recorder = Recorder(Script(*["x" * 10_000] * 50), tmp_path / "c")
        await asyncio.gather(*(recorder.send(body("s", str(i))) for i in range(50)))

    asyncio.run(run())
    assert len(list(read_cassette(tmp_path / "c")[1])) == 50


def test_24_tasks_fit_into_a_small_file(tmp_path: Path) -> None:
    """Two agents, 24 tasks, 6 turns, a system prompt of 20 kB and observations of 2 kB."""

    async def run() -> None:
        recorder = Recorder(Script(*[f"{i} " + "a" * 600 for i in range(288)]), tmp_path / "c")
        for agent in range(2):
            for task in range(24):
                texts = [f"{agent}" + "s" * 20_000, f"{task}" + "p" * 2_000]
                for turn in range(6):
                    answer = await recorder.send(body(*texts))
                    texts += [answer.text, f"{agent}{task}{turn}" + "o" * 2_000]

    asyncio.run(run())
    assert (tmp_path / "c").stat().st_size < 1_200_000


# --------------------------------------------------------------------------------- masks


def test_a_cassette_replays_in_another_folder(tmp_path: Path) -> None:
    here, there = {"<work>": "/home/me/run (1)/w"}, {"<work>": "/elsewhere/[x]+"}
    first = body("work in /home/me/run (1)/w", "list /home/me/run (1)/w/a.xlsx")
    answer = Reply(text="see /home/me/run (1)/w/out.xlsx", reasoning="/home/me/run (1)/w has it")
    record(tmp_path / "c", (first, answer), masks=here)
    again = body("work in /elsewhere/[x]+", "list /elsewhere/[x]+/a.xlsx")
    assert replay(tmp_path / "c", again, masks=there) == ["see /elsewhere/[x]+/out.xlsx"]
    assert "/home/me" not in (tmp_path / "c").read_text()


def test_nested_paths_keep_their_own_placeholders() -> None:
    masks = Masks({"<home>": "/a", "<work>": "/a/b", "<skill>": "/a/b/s"})
    text = "/a/x /a/b/x /a/b/s/x"
    assert masks.hide(text) == "<home>/x <work>/x <skill>/x"
    assert masks.show(masks.hide(text)) == text


def test_one_pass_replaces_nothing_twice() -> None:
    masks = Masks({"<a>": "x", "<b>": "<a>"})
    assert masks.hide("x <a>") == "<a> <b>"
    assert masks.show("<a> <b>") == "x <a>"


def test_two_names_for_one_string_use_the_first() -> None:
    masks = Masks({"<a>": "/w", "<b>": "/w", "<none>": ""})
    assert masks.hide("/w") == "<a>"
    assert masks.show("<a><b><none>") == "/w/w<none>"


@given(
    values=st.lists(st.text("ab/.\\(['\"ä", min_size=1, max_size=6), max_size=4, unique=True),
    text=st.text("ab/.\\(['\"ä \n", max_size=60),
)
def test_masks_come_off_as_they_went_on(values: list[str], text: str) -> None:
    masks = Masks({f"<{i}>": value for i, value in enumerate(values)})
    assert masks.show(masks.hide(text)) == text
    assert not any(value in masks.hide(text) for value in values if len(value) == 1)


def test_masks_reach_message_parts_and_leave_settings_alone() -> None:
    masks = Masks({"<w>": "/w"})
    asked = {"model": "/w", "messages": [{"role": "user", "content": [{"text": "in /w"}]}]}
    assert masks.request(asked) == {
        "model": "/w",
        "messages": [{"role": "user", "content": [{"text": "in <w>"}]}],
    }


def test_a_secret_is_never_written(tmp_path: Path) -> None:
    async def run() -> None:
        recorder = Recorder(Script("it is sk-secret"), tmp_path / "c", secrets=["sk-secret"])
        answer = await recorder.send(body("s", "my key is sk-secret"))
        assert answer.text == "it is sk-secret"

    asyncio.run(run())
    assert "sk-secret" not in (tmp_path / "c").read_text()


# -------------------------------------------------------------------------------- misses


def miss(path: Path, asked: Body) -> str:
    with pytest.raises(EndpointRefused) as caught:
        replay(path, asked)
    assert caught.value.fatal
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    path = tmp_path / "c.jsonl"
    record(
        path,
        (body("system", "sum the column of task one", seed=41), "action one"),
        (body("system", "sum the column of task one", "action one", "saw 3 rows", seed=41), "done"),
        (body("system", "delete the rows of task two", seed=41), "action two"),
    )
    return path


def test_a_miss_names_the_file_the_line_and_the_difference(cassette: Path) -> None:
    words = miss(cassette, body("system", "delete the row of task two", seed=41))
    assert words.startswith(f"{cassette}: this request is not on the cassette")
    assert "the nearest is line 4, which differs in message 2: from character 21" in words
    assert "the row of" in words
    assert "the rows of" in words


def test_a_miss_in_a_setting(cassette: Path) -> None:
    words = miss(cassette, body("system", "delete the rows of task two", seed=42))
    assert "line 4, which differs in seed: asked 42, recorded 41" in words
    words = miss(cassette, body("system", "delete the rows of task two", seed=41, top_p=1))
    assert "differs in top_p: asked 1, recorded not given" in words


def test_a_miss_in_a_later_turn(cassette: Path) -> None:
    asked = body("system", "sum the column of task one", "action one", "saw 4 rows", seed=41)
    words = miss(cassette, asked)
    assert "line 3, which differs in message 4" in words
    assert "saw 4 rows" in words
    assert "saw 3 rows" in words


def test_a_miss_in_the_system_prompt_and_in_an_earlier_reply(cassette: Path) -> None:
    assert "differs in message 1" in miss(cassette, body("System", "sum the column of task one"))
    asked = body("system", "sum the column of task one", "action 1", "saw 3 rows", seed=41)
    words = miss(cassette, asked)
    assert "line 3, which differs in message 3" in words
    assert "action one" in words


def test_a_miss_beyond_the_recorded_end(cassette: Path) -> None:
    texts = ["system", "sum the column of task one", "action one", "saw 3 rows", "done", "more"]
    assert "line 3, which ends before message 5" in miss(cassette, body(*texts, seed=41))
    assert "goes on after message 1" in miss(cassette, body("system", seed=41))


def test_a_miss_on_an_empty_cassette(tmp_path: Path) -> None:
    record(tmp_path / "c")
    assert "it holds no reply at all" in miss(tmp_path / "c", body("s"))


@given(st.lists(TEXT, max_size=5), st.dictionaries(TEXT, st.integers(), max_size=2))
def test_every_miss_can_be_explained(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], settings: dict[str, int]
) -> None:
    path = tmp_path_factory.mktemp("cassette") / "c.jsonl"
    record(path, (body("s", "u"), "a"), (body("s", "u", "a", "v"), "b"), (body("t"), "c"))
    asked = {**settings, **body(*texts)}
    asked["model"] = "another"
    assert "the nearest is line" in miss(path, asked)


# ------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "line",
    ["", "{", '{"key": "x"}', "[]", "3", '{"key": 1, "request": {}, "reply": {}}', "\x00\xff"],
)
def test_a_damaged_line_is_named(cassette: Path, line: str) -> None:
    lines = cassette.read_text().splitlines()
    cassette.write_text("\n".join([*lines[:2], line, *lines[2:]]) + "\n")
    if not line:
        assert replay(cassette, body("system", "delete the rows of task two", seed=41))
        return
    for use in (lambda: Replayer(cassette), lambda: Recorder(Script(), cassette)):
        with pytest.raises(ContractError, match=r"c\.jsonl: line 3 is damaged"):
            use()


def test_a_torn_last_line_is_named(cassette: Path) -> None:
    cassette.write_bytes(cassette.read_bytes()[:-30])
    with pytest.raises(ContractError, match="line 4 is damaged"):
        Replayer(cassette)


@pytest.mark.parametrize("text", ["", "{}", '{"cassette": 2}', "[1]", '{"key": "x"}'])
def test_a_file_without_a_header_is_no_cassette(tmp_path: Path, text: str) -> None:
    (tmp_path / "c").write_text(text)
    with pytest.raises(ContractError, match="line 1 is no cassette header"):
        Replayer(tmp_path / "c")


def test_a_missing_cassette_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no such cassette"):
        Replayer(tmp_path / "none")
    with pytest.raises(ContractError, match="no such cassette"):
        Replayer(tmp_path)


def test_a_model_over_a_cassette(tmp_path: Path) -> None:
    async def run() -> None:
        said = [Message(role="user", content="hi")]
        recorder = Recorder(Script("a"), tmp_path / "c")
        await ChatModel(recorder, "m", {"temperature": 0.0}, seed=41).reply(said, ["Observation:"])
        replayer = Replayer(tmp_path / "c")
        model = ChatModel(replayer, "m", {"temperature": 0.0}, seed=41)
        assert (await model.reply(said, ["Observation:"])).text == "a"
        with pytest.raises(EndpointRefused, match="differs in seed: asked 42, recorded 41"):
            await ChatModel(replayer, "m", {"temperature": 0.0}, seed=42).reply(
                said, ["Observation:"]
            )

    asyncio.run(run())

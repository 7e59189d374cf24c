"""Anthropic's protocol against a real server that speaks it: what is sent, read, retried, told."""

import asyncio
import importlib.util
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from calls import KEY, QUICK
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_server import Fault as SocketFault
from stub_server import StubServer, in_turn, raw, refusal

from react_agent.errors import (
    BudgetReached,
    ContextOverflow,
    ContractError,
    EndpointRefused,
    InfrastructureError,
    ModelError,
    PromptRefused,
)
from react_agent.model import ImagePart, Message, Reply, TextPart, Usage, briefing
from react_agent.models.connect import Connection
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.providers import anthropic_messages
from react_agent.models.providers.anthropic_messages import MAX_TOKENS, as_messages, read_message
from react_agent.models.providers.known import known
from react_agent.models.providers.wire import MAX_REPLY
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.prices import Price
from react_agent.models.spending.settings import BudgetSettings
from trace2skill.doctor.endpoint_check import check_endpoint

KEPT = {"type": "ephemeral"}
HASTY = RetryPolicy(first_wait=0.001, longest_wait=0.01, attempts=3, timeouts=2)
TURNS = [
    *briefing("be brief", "the task"),
    Message(role="assistant", content="a thought"),
    Message(role="user", content="an observation"),
]


def message(*blocks: dict[str, Any], stop: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 7,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "output_tokens": 3,
    }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
        **more,
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def failed(status: int, kind: str, words: str, **more: Any) -> Any:
    return refusal(status, {"type": "error", "error": {"type": kind, "message": words}}, **more)


HELLO = message(text("hello"))


def ask(
    handler: Any,
    said: list[Message] = TURNS,
    *,
    policy: RetryPolicy = QUICK,
    seed: int | None = None,
    stop: tuple[str, ...] = (),
    check: Callable[[StubServer, Connection], Any] | None = None,
    path: str = "",
    folders: tuple[Path, ...] = (),
    **given: Any,
) -> Reply:
    async def run() -> Reply:
        async with StubServer(handler) as server:
            base = server.url.removesuffix("/v1") + path
            asked = ModelSettings(
                model="m", provider="anthropic", base_url=base, api_key=KEY, **given
            )
            async with Connection(asked, policy=policy, folders=folders) as connection:
                try:
                    return await connection.model(seed=seed).reply(said, stop)
                finally:
                    if check:
                        check(server, connection)

    return asyncio.run(run())


def sent(*args: Any, **more: Any) -> dict[str, Any]:
    bodies: list[dict[str, Any]] = []
    ask(HELLO, *args, check=lambda server, _: bodies.extend(server.bodies), **more)
    return bodies[0]


# ---- what is sent ----------------------------------------------------------


def test_a_conversation_in_the_form_of_the_protocol() -> None:
    body = sent(stop=("Observation:", "\n"), seed=41)
    assert body == {
        "model": "m",
        "max_tokens": MAX_TOKENS,
        "stop_sequences": ["Observation:"],
        "system": [{**text("be brief"), "cache_control": KEPT}],
        "messages": [
            {"role": "user", "content": [{**text("the task"), "cache_control": KEPT}]},
            {"role": "assistant", "content": [text("a thought")]},
            {"role": "user", "content": [{**text("an observation"), "cache_control": KEPT}]},
        ],
    }


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/messages"])
def test_forms_of_the_address_and_where_the_key_goes(path: str) -> None:
    def check(server: StubServer, connection: Connection) -> None:
        assert server.paths == ["/v1/messages"]
        headers = server.headers[0]
        assert KEY in (headers.get("X-Api-Key"), headers.get("Authorization", "").split()[-1])
        assert headers["anthropic-version"]
        described = connection.describe()
        assert described["client"] == "anthropic"
        assert described["endpoint"] == server.url.removesuffix("/v1")
        assert described["generation"]["max_tokens"] == MAX_TOKENS
        assert KEY not in json.dumps(described)

    ask(HELLO, path=path, check=check)


def test_settings_of_a_generation_config() -> None:
    config = {"max_completion_tokens": 99, "top_p": 0.9, "presence_penalty": 1.5}
    config["extra_body"] = {"thinking": {"type": "adaptive"}}
    body = sent(generation_config=json.dumps(config))
    assert (body["max_tokens"], body["top_p"]) == (99, 0.9)
    assert body["thinking"] == {"type": "adaptive"}
    assert not {"presence_penalty", "max_completion_tokens", "extra_body"} & {*body}


def test_images() -> None:
    shown = ImagePart.of(b"pixels", "image/jpeg")
    far = ImagePart.model_validate({"image_url": {"url": "https://example.org/a.png"}})
    said = [Message(role="user", content=(TextPart(text="look"), shown, far))]
    blocks = sent(said)["messages"][0]["content"]
    assert blocks[1]["source"] == {
        "type": "base64",
        "media_type": "image/jpeg",
        "data": "cGl4ZWxz",
    }
    assert blocks[2]["source"] == {"type": "url", "url": "https://example.org/a.png"}
    assert blocks[2]["cache_control"] == KEPT


ROLES = st.sampled_from(["system", "user", "assistant"])
TALK = st.lists(st.builds(lambda r, t: {"role": r, "content": t}, ROLES, st.text(max_size=4)))


@settings(max_examples=200, database=None)
@given(TALK)
def test_roles_take_turns_and_no_word_is_lost(talk: list[dict[str, Any]]) -> None:
    body = as_messages({"model": "m", "messages": talk})
    roles = [one["role"] for one in body["messages"]]
    assert all(one != other for one, other in pairwise(roles))
    blocks = [*body.get("system", []), *(b for one in body["messages"] for b in one["content"])]
    order = sorted(talk, key=lambda one: one["role"] != "system")
    words = [one["content"] for one in order if one["content"].strip()]
    assert [block["text"] for block in blocks] == words
    assert sum("cache_control" in block for block in blocks) <= 3


def test_the_same_prefix_in_every_turn() -> None:
    """Else nothing is read from the cache: marks apart, a turn begins as the one before."""

    def plain(turns: list[Message]) -> list[Any]:
        body = as_messages({"messages": [turn.model_dump() for turn in turns]})
        blocks = [*body["system"], *(b for one in body["messages"] for b in one["content"])]
        return [block["text"] for block in blocks]

    assert plain(TURNS)[: len(plain(TURNS[:2]))] == plain(TURNS[:2])


def test_a_refused_parameter_is_left_out_though_it_has_another_name_here() -> None:
    def strict(body: dict[str, Any]) -> Any:
        if "stop_sequences" in body:
            words = "`stop_sequences` is not supported for this model."
            return failed(400, "invalid_request_error", words)
        return HELLO

    def check(server: StubServer, connection: Connection) -> None:
        assert len(server.bodies) == 2

    assert ask(strict, stop=("Observation:",), check=check).text == "hello"


# ---- what comes back -------------------------------------------------------


def test_a_reply_with_its_usage_and_its_thoughts() -> None:
    thoughts = {"type": "thinking", "thinking": "let me see", "signature": "x"}
    hidden = {"type": "redacted_thinking", "data": "xyz"}
    found = ask(message(thoughts, hidden, text("Action: "), text("ls")))
    usage = Usage(
        calls=1, prompt_tokens=127, completion_tokens=3, cached_tokens=100, written_tokens=20
    )
    assert found == Reply(text="Action: ls", reasoning="let me see", usage=usage)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        (None, "stop"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_why_it_ended(reason: str | None, finish: str) -> None:
    assert ask(message(text("x"), stop=reason)).finish == finish


def test_a_limit_that_was_spent_on_thinking_is_a_reply() -> None:
    found = ask(message({"type": "thinking", "thinking": "long"}, stop="max_tokens"))
    assert (found.text, found.reasoning, found.cut_off) == ("", "long", True)


def test_a_refusal_is_the_prompt_s_end() -> None:
    why = {"type": "refusal", "category": "bio", "explanation": "not\nthat"}
    with pytest.raises(PromptRefused, match="the model refused: not that"):
        ask(message(stop="refusal", stop_details=why))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from(["content", "stop_reason", "usage", "stop_details"])
BLOCKS = st.lists(JSON | st.builds(lambda v: {"type": "text", "text": v}, JSON), max_size=3)


@settings(max_examples=200, database=None)
@given(JSON | st.dictionaries(FIELDS, JSON | BLOCKS))
def test_any_json_is_a_reply_or_a_named_failure(payload: Any) -> None:
    try:
        reply = read_message(payload)
    except (ModelError, anthropic_messages.Fault):
        return
    assert reply.text.strip() or reply.cut_off


# ---- what fails ------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        failed(429, "rate_limit_error", "too fast", retry_after="0.01"),
        failed(500, "api_error", "oh"),
        failed(529, "overloaded_error", "Overloaded"),
        raw("<html>bad gateway</html>", status=502),
        raw("not json"),
        raw("[]"),
        raw("{}"),
        raw(json.dumps(HELLO)[:40]),
        message(),
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        *(SocketFault(name) for name in ("reset", "closed", "short", "long", "garbage")),
    ],
    ids=str,
)
def test_what_another_attempt_mends(fault: Any) -> None:
    def check(server: StubServer, connection: Connection) -> None:
        assert len(server.bodies) == 3
        assert (connection.stats.calls, connection.stats.retries.total()) == (1, 2)

    assert ask(in_turn(fault, fault, HELLO), check=check).text == "hello"


def test_an_overload_uses_up_no_attempts() -> None:
    busy = failed(529, "overloaded_error", "Overloaded")
    assert ask(in_turn(*[busy] * 8, HELLO), policy=HASTY).text == "hello"
    with pytest.raises(InfrastructureError, match="gave up after 3 attempts: HTTP 500"):
        ask(failed(500, "api_error", "oh"), policy=HASTY)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (failed(401, "authentication_error", f"invalid key {KEY}"), EndpointRefused, "check the"),
        (failed(404, "not_found_error", "model: m"), EndpointRefused, "check --base_url"),
        (
            failed(400, "invalid_request_error", "Your credit balance is too low to access it"),
            EndpointRefused,
            "the account is used up",
        ),
        (
            failed(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000"),
            ContextOverflow,
            "too long",
        ),
        (failed(413, "request_too_large", "Request exceeds the maximum"), ContextOverflow, "413"),
        (failed(400, "invalid_request_error", "messages: what?"), ModelError, "what"),
    ],
)
def test_what_no_attempt_mends(answer: Any, error: type[ModelError], words: str) -> None:
    def check(server: StubServer, connection: Connection) -> None:
        assert len(server.bodies) == 1

    with pytest.raises(error, match=words) as caught:
        ask(answer, check=check)
    assert type(caught.value) is error
    assert KEY not in str(caught.value)


def test_a_reply_without_end_is_cut() -> None:
    with pytest.raises(InfrastructureError, match="larger than"):
        ask(raw(b" " * (MAX_REPLY + 1)), policy=RetryPolicy(attempts=1))


# ---- what is needed, counted and looked at -----------------------------------


def test_cached_tokens_count_and_cost_what_they_cost(tmp_path: Path) -> None:
    price = Price(prompt=4.0, cached_prompt=0.4, written_prompt=5.0, reply=20.0)
    usage = Usage(
        calls=1,
        prompt_tokens=3 * 10**6,
        cached_tokens=10**6,
        written_tokens=10**6,
        completion_tokens=10**6,
    )
    assert price.of(usage) == pytest.approx(4.0 + 0.4 + 5.0 + 20.0)
    budget = BudgetSettings(max_tokens=120, budget=tmp_path / "budget.jsonl")
    assert ask(HELLO, budget=budget).text == "hello"
    with pytest.raises(BudgetReached):  # 127 of the prompt, and 3
        ask(HELLO, budget=budget)


def test_without_the_sdk_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        return None if name == "anthropic" else importlib.util.find_spec(name)

    monkeypatch.setattr(anthropic_messages, "find_spec", gone)
    with pytest.raises(ContractError, match=r"trace2skill-toolkit\[anthropic\]"):
        Connection(ModelSettings(model="m", llm_client="anthropic", api_key=KEY))


def test_the_protocol_by_itself_finds_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ContractError, match="ANTHROPIC_API_KEY"):
        Connection(ModelSettings(model="m", llm_client="anthropic"))


def test_the_doctor_finds_its_models() -> None:
    async def run() -> Any:
        async with StubServer({"data": [{"id": "m"}]}) as server:
            found = await check_endpoint(server.url, KEY, "m", known("anthropic"))
            return found, server

    found, server = asyncio.run(run())
    assert (found.level, "knows m" in found.says) == ("ok", True)
    assert server.paths == ["/v1/models?limit=1000"]
    assert server.headers[0]["anthropic-version"]
    assert server.headers[0]["x-api-key"] == KEY

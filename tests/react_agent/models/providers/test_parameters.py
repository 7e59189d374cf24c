"""Parameters that an endpoint does not take: left out, learnt once, said once."""

import asyncio
import logging
from typing import Any

import pytest
from calls import BODY, KEY, attempts, send
from stub_server import StubServer, in_turn, refusal, reply

from react_agent.errors import ContextOverflow, EndpointRefused, ModelError
from react_agent.models.providers.api_chat import ApiChatConfig, ApiChatEndpoint
from react_agent.models.providers.openai_compatible import OpenAIEndpoint
from react_agent.models.providers.parameters import Parameters

FULL = {
    **BODY,
    "temperature": 0.0,
    "top_p": 1.0,
    "seed": 41,
    "stop": ["Observation:"],
    "top_k": 3,
    "max_tokens": 100,
}
WORDS: dict[str, tuple[str, Any]] = {
    "OpenAI": ("stop", "Unsupported parameter: 'stop' is not supported with this model."),
    "OpenAI value": (
        "temperature",
        "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default "
        "(1) value is supported.",
    ),
    "OpenAI unknown": ("top_k", "Unrecognized request argument supplied: top_k"),
    "Anthropic": ("temperature", "`temperature` is deprecated for this model."),
    "Gemini": ("seed", 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'),
    "Groq": ("top_k", "property 'top_k' is unsupported"),
    "a Python server": ("top_k", "create() got an unexpected keyword argument 'top_k'"),
}


def strict(name: str, words: str, status: int = 400) -> Any:
    return lambda body: refusal(status, words) if name in body else reply()


@pytest.mark.parametrize(("name", "words"), WORDS.values(), ids=WORDS)
def test_a_clear_refusal_is_learnt_and_said_once(
    name: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with StubServer(strict(name, words)) as server:
            async with OpenAIEndpoint(server.url, KEY) as endpoint:
                await asyncio.gather(*(endpoint.send(FULL) for _ in range(8)))
                before = len(server.bodies)
                assert (await endpoint.send(FULL)).text == "ok"
                assert len(server.bodies) == before + 1
                assert {*server.bodies[-1]} == {*FULL} - {name}

    asyncio.run(run())
    said = [r for r in caplog.records if r.levelno == logging.WARNING and name in r.getMessage()]
    assert len(said) == 1


def test_every_field_of_a_422_is_kept_and_learnt() -> None:
    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        assert {*server.bodies[-1]} == {*FULL} - {"seed", "top_k"}

    def handler(body: dict[str, Any]) -> Any:
        extra = [name for name in ("seed", "top_k") if name in body]
        kind, says = "extra_forbidden", "Extra inputs are not permitted"
        found = [{"type": kind, "loc": ["body", name], "msg": says} for name in extra]
        return refusal(422, {"detail": found}) if found else reply()

    assert send(handler, FULL, check=check).text == "ok"
    wrong = {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "not a role"}]}
    with pytest.raises(ModelError, match=r"HTTP 422: messages\.0\.role: not a role"):
        send(refusal(422, wrong), FULL, check=attempts(1))


def test_the_limit_of_a_reply_goes_by_its_other_name() -> None:
    words = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead."
    )

    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        assert server.bodies[-1]["max_completion_tokens"] == 100
        assert "max_tokens" not in server.bodies[-1]

    assert send(strict("max_tokens", words), FULL, check=check).text == "ok"


def test_the_other_client_learns_too() -> None:
    async def run() -> None:
        def handler(body: dict[str, Any]) -> Any:
            return refusal(400, WORDS["Groq"][1]) if "top_k" in body["params"] else reply()

        async with StubServer(handler) as server:
            async with ApiChatEndpoint(ApiChatConfig(url=server.url)) as endpoint:
                assert (await endpoint.send(FULL)).text == "ok"

    asyncio.run(run())


@pytest.mark.parametrize(
    "words",
    [
        "temperature must be between 0 and 2",
        "'messages' with images are not supported by this model",
        "The model is not supported. Also, top_p is 1.0",
        "Unsupported parameter: 'logprobs'",
    ],
)
def test_what_is_no_clear_refusal_of_a_parameter_is_an_error(words: str) -> None:
    with pytest.raises(ModelError):
        send(refusal(400, words), FULL, check=attempts(1))


def test_a_refusal_that_does_not_help_ends() -> None:
    with pytest.raises(ModelError):
        send(refusal(400, WORDS["Groq"][1]), FULL, check=attempts(2))


def test_a_parameter_is_left_out_of_what_is_sent_only() -> None:
    learnt = Parameters("there")
    error = ModelError("no")
    error.status, error.said = 400, WORDS["OpenAI"][1]
    assert learnt.learn(error, FULL)
    assert learnt.learn(error, FULL)  # of another worker, sent before
    assert "stop" not in learnt.fit(FULL)
    assert "stop" in FULL


def too_large(wanted: int, prompt: int, window: int = 32768) -> Any:
    return refusal(
        400,
        f"'max_tokens' or 'max_completion_tokens' is too large: {wanted}. This model's maximum "
        f"context length is {window} tokens and your request has {prompt} input tokens",
    )


@pytest.mark.parametrize(("wanted", "prompt"), [(32768, 2048), (40000, 30000), (31000, 2048)])
def test_a_reply_limit_as_large_as_the_window_is_a_setting_to_mend(
    wanted: int, prompt: int
) -> None:
    for body in ({**BODY, "max_tokens": wanted}, BODY):  # given, or the server's default
        with pytest.raises(EndpointRefused, match=r"max_tokens \(\d+,\d+\).*generation config"):
            send(too_large(wanted, prompt), body, check=attempts(1))


def test_a_prompt_that_outgrows_the_window_beside_its_reply_is_an_overflow() -> None:
    body = {**BODY, "max_tokens": 8000}
    with pytest.raises(ContextOverflow):
        send(too_large(8000, 30000), body, check=attempts(1))

    async def run() -> None:
        large = {**BODY, "max_tokens": 20000}
        async with StubServer(in_turn(reply(), too_large(20000, 15000))) as server:
            async with OpenAIEndpoint(server.url, KEY) as endpoint:
                await endpoint.send(large)
                with pytest.raises(ContextOverflow):  # others go on
                    await endpoint.send(large)

    asyncio.run(run())

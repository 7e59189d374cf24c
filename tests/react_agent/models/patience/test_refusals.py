"""What is never tried again, and whether it ends the case or the run."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from calls import BODY, KEY, attempts, send
from hypothesis import given
from hypothesis import strategies as st
from stub_server import StubServer, in_turn, raw, refusal, reply
from trial.refusal_words import FILTERED, USED_UP

from react_agent.errors import (
    ContextOverflow,
    EndpointRefused,
    InfrastructureError,
    ModelError,
    PromptRefused,
)
from react_agent.models.patience.faults import Fault
from react_agent.models.patience.refusals import failure, overflow_in_reply
from react_agent.models.providers.openai_compatible import OpenAIEndpoint, read_completion
from react_agent.models.providers.wire import understood


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_request_is_this_cases_error(status: int) -> None:
    with pytest.raises(ModelError) as caught:
        send(refusal(status, "temperature\nis too hot"), check=attempts(1))
    assert type(caught.value) is ModelError
    assert not caught.value.fatal
    assert str(caught.value) == f"HTTP {status}: temperature is too hot"


@pytest.mark.parametrize("status", [401, 402, 404, 405])
def test_what_can_work_for_no_case_is_told_apart(status: int) -> None:
    with pytest.raises(EndpointRefused, match=f"HTTP {status}: no; ") as caught:
        send(refusal(status), check=attempts(1))
    assert caught.value.fatal
    assert not isinstance(caught.value, InfrastructureError)


def test_a_used_up_quota_comes_as_429_and_ends_the_run() -> None:
    words = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
    with pytest.raises(EndpointRefused, match="current quota"):
        send(refusal(429, {"error": words}), check=attempts(1))


@pytest.mark.parametrize(("status", "error"), USED_UP.values(), ids=USED_UP)
def test_an_account_that_is_used_up_ends_the_run_with_the_rest_owed(
    status: int, error: dict[str, Any]
) -> None:
    with pytest.raises(EndpointRefused, match="the account is used up") as caught:
        send(refusal(status, {"error": error}), check=attempts(1))
    assert caught.value.owed


def test_a_rate_limit_that_speaks_of_a_quota_is_waited_for() -> None:
    words = "You exceeded your current quota. Please retry in 1 s."
    limited = refusal(429, {"error": {"message": words, "status": "RESOURCE_EXHAUSTED"}})
    assert send(in_turn(limited, reply())).text == "ok"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_in_the_middle_is_owed_and_one_at_the_beginning_is_not(status: int) -> None:
    async def run(answers: int) -> bool:
        async with StubServer(in_turn(*[reply()] * answers, refusal(status))) as server:
            async with OpenAIEndpoint(server.url, KEY) as endpoint:
                for _ in range(answers):
                    await endpoint.send(BODY)
                with pytest.raises(EndpointRefused) as caught:
                    await endpoint.send(BODY)
                return caught.value.owed

    assert asyncio.run(run(2))
    assert not asyncio.run(run(0))


@pytest.mark.parametrize(("status", "error"), FILTERED.values(), ids=FILTERED)
def test_a_filtered_prompt_is_the_end_of_this_case_alone(
    status: int, error: dict[str, Any]
) -> None:
    with pytest.raises(PromptRefused) as caught:
        send(refusal(status, {"error": error}), check=attempts(1))
    assert not caught.value.fatal


@pytest.mark.parametrize("answered", [0, 1])
def test_a_403_without_a_word_is_the_prompts_when_another_one_is_answered(answered: int) -> None:
    page = raw("<html><h1>403 Forbidden</h1></html>", status=403, content_type="text/html")

    def wall(body: dict[str, Any]) -> Any:
        return page if "bomb" in body["messages"][0]["content"] else reply()

    async def run() -> None:
        async with StubServer(wall) as server, OpenAIEndpoint(server.url, KEY) as endpoint:
            for _ in range(answered):
                await endpoint.send(BODY)
            with pytest.raises(PromptRefused):
                await endpoint.send({**BODY, "messages": [{"role": "user", "content": "a bomb"}]})

    asyncio.run(run())


def test_a_redirect_is_not_followed() -> None:
    """The key would go along."""

    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        assert server.paths == ["/v1/chat/completions"]

    elsewhere = web.Response(status=308, headers={"Location": "/elsewhere"})
    with pytest.raises(EndpointRefused, match="redirect"):
        send(elsewhere, check=check)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, ModelError),
        ("invalid_request_error", ModelError),
        ("invalid_api_key", EndpointRefused),
        (404, EndpointRefused),
        ("model_not_found", EndpointRefused),
    ],
)
def test_an_error_inside_a_200_counts_by_its_code(code: Any, error: type[ModelError]) -> None:
    with pytest.raises(error) as caught:
        send({"error": {"message": "words", "code": code}}, check=attempts(1))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "the words"}},
        {"error": "the words"},
        {"message": "the words"},
        {"detail": "the words"},
        {"detail": [{"msg": "the words", "input": "x" * 5000}]},
        {"object": "error", "message": "the words", "code": 400},
    ],
)
def test_the_servers_words_are_found(body: Any) -> None:
    with pytest.raises(ModelError, match=r"HTTP 400: the words$"):
        send(refusal(400, body))


def test_long_words_are_shortened() -> None:
    with pytest.raises(ModelError) as caught:
        send(refusal(400, "x" * 100_000))
    assert len(str(caught.value)) < 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


OVERFLOWS = {
    "vLLM old": "This model's maximum context length is 4096 tokens. However, you requested 5016 "
    "tokens (5000 in the messages, 16 in the completion). Please reduce the length.",
    "vLLM": "You passed 5000 input tokens and requested 0 output tokens. However, the model's "
    "context length is only 4096 tokens, resulting in a maximum input length of 4096 tokens.",
    "vLLM max_tokens": "'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's "
    "maximum context length is 4096 tokens and your request has 3000 input tokens",
    "vLLM engine": "The decoder prompt (length 5000) is longer than the maximum model length of "
    "4096. Make sure that `max_model_len` is no smaller than the number of text tokens.",
    "vLLM engine 2": "The prompt (total length 5000) is too long to fit into the model (context "
    "length 4096).",
    "OpenAI": "This model's maximum context length is 128000 tokens. However, your messages "
    "resulted in 130000 tokens. Please reduce the length of the messages.",
    "OpenAI window": "Your input exceeds the context window of this model. Please adjust your "
    "input and try again.",
    "OpenAI limit": "Input tokens exceed the configured limit of 272000 tokens. Your messages "
    "resulted in 300000 tokens.",
    "llama.cpp": "request (5000 tokens) exceeds the available context size (4096 tokens), try "
    "increasing it",
    "llama.cpp old": "the request exceeds the available context size. try increasing the context "
    "size or enable context shift",
    "llama.cpp generating": "Context size has been exceeded.",
    "llama-cpp-python": "Requested tokens (5000) exceed context window of 4096",
    "SGLang": "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "SGLang total": "Requested token count exceeds the model's maximum context length of 4096 "
    "tokens. You requested a total of 5000 tokens: 4500 tokens from the input messages and 500.",
    "SGLang allowed": "Input length (5000 tokens) exceeds the maximum allowed length (4096 "
    "tokens). Use a shorter input or enable --allow-auto-truncate.",
    "Ollama": "prompt too long; exceeded max context length by 904 tokens",
    "Ollama 2": "the input length exceeds the context length",
    "Anthropic": "prompt is too long: 210000 tokens > 200000 maximum",
    "Gemini": "The input token count (5000) exceeds the maximum number of tokens allowed (4096).",
    "DashScope": "<400> InternalError.Algo.InvalidParameter: Range of input length should be "
    "[1, 129024]",
    "LM Studio": "Trying to keep the first 5000 tokens when context the overflows. However, the "
    "model is loaded with context length of only 4096 tokens, which is not enough.",
    "LM Studio 2": "Reached context length of 4096 tokens, but this model does not support it",
    "TGI": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: "
    "5000 `inputs` tokens and 16 `max_new_tokens`",
    "TGI 2": "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
    "Bedrock": "Input is too long for requested model.",
    "Moonshot": "Invalid request: Your request exceeded model token limit: 131072",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 150000 tokens.",
    "Fireworks": "The prompt is too long: 150000, model maximum context length: 131071",
    "Zhipu": "Prompt exceeds max length",
    "MiniMax": "invalid params, context window exceeds limit (2013)",
    "Cohere": "too many tokens: size limit exceeded by 11326 tokens. Try using shorter inputs.",
    "SambaNova": "The maximum context length of Meta-Llama is 8192. However, answering your "
    "request will take 9000 tokens. Please reduce the length of the messages.",
    "Databricks": "Exceeded max input length. Input tokens 40000 > 32768",
    "TensorRT-LLM": "The sum of prompt length (4000.0) and query length (0) max_tokens should not "
    "exceed max_num_tokens (2048)",
    "Anthropic 2": "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, "
    "decrease input length or `max_tokens` and try again",
    "LiteLLM": "litellm.BadRequestError: litellm.ContextWindowExceededError: BedrockException: "
    "Context Window Error",
    "MLX": "prompt exceeds context",
    "Mistral": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 "
    "maximum context length",
}
DELIVERIES: dict[str, Callable[[str], Any]] = {
    "error object": lambda words: refusal(400, {"error": {"message": words, "code": 400}}),
    "error text": lambda words: refusal(400, {"error": words}),
    "bare message": lambda words: refusal(400, {"object": "error", "message": words}),
    "plain text": lambda words: raw(words, status=400, content_type="text/plain"),
    "500": lambda words: refusal(500, {"error": {"message": words, "type": "server_error"}}),
    "413": lambda words: refusal(413, words),
    "200 error": lambda words: {"error": {"message": words, "code": 400}},
    "200 error text": lambda words: {"error": words},
    "200 object": lambda words: {"object": "error", "message": words, "code": 400},
    "200 message": lambda words: {"message": words},
    "200 plain text": lambda words: raw(words, content_type="text/plain"),
}


@pytest.mark.parametrize("server", OVERFLOWS)
def test_every_servers_overflow_is_recognised(server: str) -> None:
    with pytest.raises(ContextOverflow):
        send(refusal(400, OVERFLOWS[server]), check=attempts(1))


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_an_overflow_is_recognised_however_it_comes(delivery: str) -> None:
    with pytest.raises(ContextOverflow):
        send(DELIVERIES[delivery](OVERFLOWS["vLLM"]), check=attempts(1))


def test_an_overflow_is_recognised_by_its_code_or_type() -> None:
    for name in ({"code": "context_length_exceeded"}, {"type": "exceed_context_size_error"}):
        with pytest.raises(ContextOverflow):
            send(refusal(400, {"error": {"message": "too long", **name}}))


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens must be at least 1, got 0.",
        "temperature must be non-negative",
        "Unknown parameter: 'max_context_length'.",
        "Unrecognized request argument supplied: context_length",
        "Invalid 'messages[1].content': string too long. Maximum length is 1048576",
        "the prompt contains an invalid token",
        "input is not valid UTF-8",
        "chat template could not be applied: context is undefined",
        "top_k exceeds the maximum allowed value",
    ],
)
def test_an_ordinary_refusal_is_no_overflow(words: str) -> None:
    with pytest.raises(ModelError) as caught:
        send(refusal(400, words))
    assert type(caught.value) is ModelError


def test_a_rate_limit_in_tokens_is_no_overflow() -> None:
    words = "Request too large on tokens per min. This model's maximum context length is 4096"
    assert send(in_turn(refusal(429, words), reply())).text == "ok"


def test_what_a_conversation_says_about_overflows_is_no_overflow() -> None:
    quoted = OVERFLOWS["OpenAI"]
    assert send(reply(quoted)).text == quoted
    broken = raw('{"choices": [{"message": {"content": "' + quoted)
    assert send(in_turn(broken, reply())).text == "ok"
    echo = refusal(422, {"detail": [{"msg": "Field required", "input": quoted}]})
    with pytest.raises(ModelError) as caught:
        send(echo)
    assert type(caught.value) is ModelError


@given(st.binary() | JSON.map(lambda v: json.dumps(v).encode()))
def test_no_body_is_a_crash(body: bytes) -> None:
    overflow_in_reply(body)
    for status in (302, 400, 401, 429, 500):
        assert isinstance(failure(status, body.decode("utf-8", "replace")), Fault | ModelError)
    with contextlib.suppress(Fault, ModelError):
        understood(body, read_completion)

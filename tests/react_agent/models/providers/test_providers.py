"""Endpoints that are known by name: their own address and key, and nobody else's."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from calls import KEY, QUICK
from project import ROOT
from stub_server import StubServer, refusal, reply

from react_agent.errors import ContractError, EndpointRefused
from react_agent.model import Message
from react_agent.models.connect import Connection
from react_agent.models.providers.addresses import http_url
from react_agent.models.providers.known import Known, all_known, known, variables
from react_agent.models.settings import ModelSettings
from react_agent.registry import PROVIDERS
from trace2skill.doctor.endpoint_check import check_endpoint

PAGE = ROOT / "docs" / "providers.md"
OURS = "sk-of-openai-1234567"
SAID = [Message(role="user", content="hi")]
NAMES = sorted(all_known())


@pytest.fixture(autouse=True)
def _nothing_but_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user of OpenAI has in the environment."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", OURS)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-openai")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: secret-of-openai")


def ask(provider: str, handler: Any = None, config: str = "{}") -> StubServer:
    async def run() -> StubServer:
        async with StubServer(handler or reply()) as server:
            settings = ModelSettings(
                model="m", provider=provider, base_url=server.url, generation_config=config
            )
            async with Connection(settings, policy=QUICK) as connection:
                await connection.model(seed=41).reply(SAID)
            return server

    return asyncio.run(run())


COMPATIBLE = [name for name in NAMES if known(name).client == "openai"]
FOREIGN = [name for name in COMPATIBLE if name != "openai"]


@pytest.mark.parametrize("name", FOREIGN)
def test_nothing_of_openai_reaches_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(known(name).key_variable, KEY)
    sent = {key.lower(): value for key, value in ask(name).headers[0].items()}
    assert sent["authorization"] == f"Bearer {KEY}"
    assert not any("of-openai" in value for value in sent.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_key_comes_from_its_own_variable_or_is_not_needed(name: str) -> None:
    one = known(name)
    if name == "openai":
        assert one.key(None) == OURS
    elif one.key_optional:
        assert one.key(None) == "EMPTY"
    else:
        with pytest.raises(ContractError, match=one.key_variable):
            Connection(ModelSettings(model="m", provider=name))
    assert one.key(KEY) == KEY


@pytest.mark.parametrize("name", NAMES)
def test_an_address_is_the_table_s_unless_the_user_names_another(name: str) -> None:
    one = known(name)
    assert one.address("http://here/v1") == "http://here/v1"
    own = "http://127.0.0.1:9/v1" if name == "openai" else one.base_url
    assert one.address(None) == own
    http_url(one.base_url, name)
    assert one.client in PROVIDERS


def test_openai_itself_is_told_the_organisation() -> None:
    assert ask("openai").headers[0]["OpenAI-Organization"] == "org-of-openai"


def test_parameters_go_out_under_the_names_that_are_known_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", KEY)
    sent = ask("mistral", config='{"max_completion_tokens": 7}').bodies[0]
    assert (sent["random_seed"], sent["max_tokens"]) == (41, 7)
    assert not {"seed", "max_completion_tokens"} & {*sent}
    assert ask("openai", config='{"max_tokens": 7}').bodies[0]["max_completion_tokens"] == 7


def test_a_name_that_nobody_knows_and_two_protocols_at_once() -> None:
    with pytest.raises(ContractError, match=r"'smoke' is not known; there are .*groq"):
        Connection(ModelSettings(model="m", provider="smoke"))
    with pytest.raises(ContractError, match="leave --llm_client out"):
        Connection(ModelSettings(model="m", provider="vllm", llm_client="api_chat"))


def test_a_refused_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    with pytest.raises(EndpointRefused) as caught:
        ask("groq", refusal(401, f"no such key {KEY}"))
    assert KEY not in str(caught.value)


def diagnose(name: str, listed: Any, model: str) -> Any:
    async def run() -> Any:
        async with StubServer(listed) as server:
            return await check_endpoint(server.url, KEY, model, known(name))

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("gemini", {"data": [{"id": "models/gemini-x"}]}),
        ("together", [{"id": "gemini-x"}]),
        ("openrouter", {"data": [{"id": "gemini-x"}]}),
    ],
)
def test_the_doctor_reads_every_list_of_models(name: str, listed: Any) -> None:
    found = diagnose(name, listed, "gemini-x")
    assert (found.level, "knows gemini-x" in found.says) == ("ok", True)
    assert ("nobody has looked at" in found.says) == known(name).lists_to_anybody


def test_the_doctor_asks_for_the_provider_s_own_key() -> None:
    found = asyncio.run(check_endpoint(None, None, None, known("groq")))
    assert "GROQ_API_KEY" in found.mend


def row(one: Known) -> str:
    renamed = [f"`{old}` is sent as `{new}`" for old, new in one.instead.items() if new]
    renamed += [f"`{old}` is left out" for old, new in one.instead.items() if not new]
    habits = "; ".join([*renamed, one.note] if one.note else renamed)
    key = f"`{one.key_variable}`" + ", if it wants one" * one.key_optional
    return f"| {one.name} | {one.base_url} | {key} | {habits} |"


def rows(known_ones: Sequence[Known]) -> list[str]:
    return [row(one) for one in known_ones]


def test_the_page_shows_the_table_as_it_is() -> None:
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    assert shown == rows(list(all_known().values()))

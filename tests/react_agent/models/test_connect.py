"""From flags to a model: who wins, what is refused before any work, what run.json may say."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calls import KEY, QUICK
from stub_server import StubServer, refusal, reply

from react_agent.errors import ContractError, EndpointRefused
from react_agent.flags import parser_of, read
from react_agent.model import Body, Message, Reply, Usage
from react_agent.models.connect import Connection
from react_agent.models.settings import ModelSettings

SAID = [Message(role="user", content="in /w/1")]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)


def parse(*argv: str, model: str | None = "gpt-4o", temperature: float | None = 0.0) -> Any:
    settings = read(ModelSettings, parser_of(ModelSettings, "x").parse_args(argv))
    return replace(
        settings,
        model=model if settings.model is None else settings.model,
        default_temperature=temperature,
    )


def ask(
    *argv: str, handler: Any = None, seed: int | None = None, **settings: Any
) -> tuple[Reply, Connection, StubServer]:
    async def run() -> tuple[Reply, Connection, StubServer]:
        async with StubServer(handler or reply("see /w/1/out")) as server:
            args = parse("--base_url", server.url, "--api_key", KEY, *argv)
            async with Connection(args, policy=QUICK, **settings) as endpoint:
                return await endpoint.model(seed=seed).reply(SAID), endpoint, server

    return asyncio.run(run())


def test_a_live_model() -> None:
    answer, endpoint, server = ask("--model", "m", seed=41)
    assert answer.text == "see /w/1/out"
    assert server.bodies[0] == {
        "model": "m",
        "messages": [{"role": "user", "content": "in /w/1"}],
        "temperature": 0.0,
        "seed": 41,
    }
    assert (endpoint.stats.calls, endpoint.stats.usage.prompt_tokens) == (1, 11)
    assert endpoint.describe() == {
        "model": "m",
        "generation": {"temperature": 0.0},
        "source": "live",
        "client": "openai",
        "endpoint": server.url,
    }


@pytest.mark.parametrize(
    ("argv", "temperature"),
    [
        ([], 0.0),
        (["--generation_config", '{"temperature": 0.5}'], 0.5),
        (["--generation_config", '{"temperature": 0.5}', "--temperature", "0.9"], 0.9),
        (["--temperature", "0"], 0.0),
    ],
)
def test_flag_over_config_over_default(argv: list[str], temperature: float) -> None:
    _, endpoint, server = ask(*argv)
    assert server.bodies[0]["temperature"] == temperature
    assert endpoint.describe()["generation"]["temperature"] == temperature


def test_seeds_share_a_connection_pool_and_differ_in_the_body() -> None:
    async def run() -> list[Any]:
        async with StubServer(reply()) as server:
            args = parse("--base_url", server.url, "--api_key", KEY)
            async with Connection(args) as endpoint:
                for seed in (41, 42, None):
                    await endpoint.model(seed=seed).reply(SAID)
            return [body.get("seed", "none") for body in server.bodies]

    assert asyncio.run(run()) == [41, 42, "none"]


def test_the_configs_seed_is_for_runs_without_one() -> None:
    config = ["--generation_config", '{"seed": 7}']
    assert ask(*config)[2].bodies[0]["seed"] == 7
    assert ask(*config, seed=41)[2].bodies[0]["seed"] == 41


def test_the_configs_timeout_reaches_the_client() -> None:
    endpoint = Connection(parse("--api_key", KEY, "--generation_config", '{"timeout": 1800}'))
    assert endpoint.transport.pace.timeout == 1800  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "no API key: set OPENAI_API_KEY or give --api_key"),
        (["--api_key", "k", "--base_url", "localhost:8000"], "has to start with http"),
        (["--api_key", "k", "--generation_config", "nowhere.json"], "no such file and not JSON"),
        (["--api_key", "k", "--model", ""], "no model: give --model"),
        (["--llm_client", "api_chat", "--api_chat_config", "{}"], "url is empty"),
        (["--llm_client", "api_chat", "--api_chat_config", "none.json"], "no such file"),
        (["--replay", "none.jsonl"], "no such cassette"),
        (["--replay", "a", "--record", "b"], "--replay goes without --record"),
        (["--replay", "a", "--reply_cache", "b"], "--replay goes without --record"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(
    argv: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ContractError) as caught:
        Connection(parse(*argv))
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_analyst_without_a_model_is_told_how_to_name_one() -> None:
    with pytest.raises(ContractError, match="OPENAI_MODEL"):
        Connection(parse("--api_key", KEY, model=None))


def test_the_environment_gives_key_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with StubServer(reply()) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
            async with Connection(parse()) as endpoint:
                await endpoint.model().reply(SAID)
            assert server.headers[0]["Authorization"] == "Bearer from-environment"

    asyncio.run(run())


def test_record_then_replay_elsewhere_without_key_or_network(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    _, _, server = ask("--record", str(path), masks={"<work>": "/w/1"}, seed=41)
    assert server.bodies[0]["messages"][0]["content"] == "in /w/1"
    text = path.read_text()
    assert KEY not in text
    assert "/w/1" not in text

    async def run() -> None:
        args = parse("--replay", str(path))
        async with Connection(args, masks={"<work>": "/other"}) as endpoint:
            there = [Message(role="user", content="in /other")]
            answer = await endpoint.model(seed=41).reply(there)
            assert answer.text == "see /other/out"
            assert answer.usage.prompt_tokens == 11
            assert (endpoint.stats.calls, endpoint.stats.usage.prompt_tokens) == (1, 11)
            described = endpoint.describe()
            assert described["source"] == "replay"
            assert described["origin"] == "gpt-4o over openai"
            assert str(tmp_path) not in json.dumps(described)
            with pytest.raises(EndpointRefused, match="differs in seed"):
                await endpoint.model(seed=42).reply(there)

    asyncio.run(run())


def test_another_cassette_is_another_model(tmp_path: Path) -> None:
    described = []
    for text in ("one", "two"):
        path = tmp_path / text
        ask("--record", str(path), handler=reply(text))
        described.append(Connection(parse("--replay", str(path))).describe())
    assert described[0] != described[1]


def test_the_cache_is_used_only_when_asked_for(tmp_path: Path) -> None:
    async def calls(*argv: str) -> int:
        async with StubServer(reply()) as server:
            args = parse("--base_url", "http://127.0.0.1:1/v1", "--api_key", KEY, *argv)
            args = replace(args, base_url=server.url)
            async with Connection(args, policy=QUICK) as endpoint:
                answers = [await endpoint.model(seed=41).reply(SAID) for _ in range(3)]
                assert sum((a.usage for a in answers), Usage()) == endpoint.stats.usage
            return len(server.bodies)

    assert asyncio.run(calls()) == 3
    assert asyncio.run(calls("--reply_cache", str(tmp_path / "cache"))) == 1


def test_a_recording_also_holds_what_came_from_the_cache(tmp_path: Path) -> None:
    async def run() -> None:
        async with StubServer(reply()) as server:
            for name in ("one", "two"):
                args = parse("--base_url", server.url, "--api_key", KEY, "--reply_cache",
                             str(tmp_path / "cache"), "--record", str(tmp_path / name))  # fmt: skip
                async with Connection(args) as endpoint:
                    await endpoint.model().reply(SAID)
            assert len(server.bodies) == 1

    asyncio.run(run())
    assert len((tmp_path / "two").read_text().splitlines()) == 2


def test_api_chat_by_flags() -> None:
    async def run() -> None:
        async with StubServer({"response": "hello"}) as server:
            config = {
                "url": server.url,
                "model": "theirs",
                "access_key": "access-secret",
                "default_params": {"temperature": 0.3, "top_k": 5},
            }
            argv = ["--llm_client", "api_chat", "--api_chat_config", json.dumps(config)]
            async with Connection(parse(*argv)) as endpoint:
                assert (await endpoint.model(seed=41).reply(SAID)).text == "hello"
                described = endpoint.describe()
            assert server.bodies[0]["params"] == {"temperature": 0.3, "top_k": 5, "seed": 41}
            assert server.bodies[0]["model"] == described["model"] == "theirs"
            assert described["client"] == "api_chat"
            assert described["generation"] == {"temperature": 0.3, "top_k": 5}
            assert "access-secret" not in json.dumps(described)

    asyncio.run(run())


def test_a_scripted_transport_in_place_of_all() -> None:
    class Echo:
        async def send(self, body: Body) -> Reply:
            return Reply(text=body["model"], usage=Usage(calls=1))

    async def run() -> None:
        async with Connection(parse("--model", "m"), transport=Echo()) as endpoint:
            assert (await endpoint.model().reply(SAID)).text == "m"
            assert endpoint.describe()["source"] == "scripted"
            assert endpoint.stats.calls == 1

    asyncio.run(run())


def test_the_key_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    _, endpoint, _ = ask("--record", str(path), handler=reply(f"I read {KEY}"))
    seen = [repr(endpoint), json.dumps(endpoint.describe()), str(endpoint.stats), path.read_text()]
    with pytest.raises(EndpointRefused) as caught:
        ask(handler=refusal(401, f"wrong: {KEY}"))
    assert KEY not in "".join([*seen, str(caught.value)])


def test_a_provider_of_ones_own_by_module_and_attribute() -> None:
    argv = ["--llm_client", "tinyprovider:open_mirror", "--model", "m"]

    async def run() -> tuple[Reply, dict[str, Any]]:
        async with Connection(parse(*argv, "--base_url", "wall")) as connection:
            return await connection.model().reply(SAID), connection.describe()

    answer, described = asyncio.run(run())
    assert answer.text == SAID[0].text[::-1]
    assert (described["model"], described["client"]) == ("m-mirrored", "mirror")
    assert described["generation"] == {"temperature": 0.0, "top_k": 3}
    with pytest.raises(ContractError, match="give --base_url"):
        Connection(parse(*argv))
    with pytest.raises(
        ContractError, match="'smoke' is not known; there are openai, anthropic, api_chat"
    ):
        Connection(parse("--llm_client", "smoke"))

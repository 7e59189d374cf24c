"""Sampling settings: who wins, what is sent, and one clear line for what does not fit."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT

from react_agent.errors import ContractError
from react_agent.model import ChatModel, Message, Reply
from react_agent.models.generation import GenerationConfig

FOLDER = ROOT / "gen_config"
PUBLISHED = {
    "gemma4_instruct": (1.0, 0.95, None, 1800, {"top_k": 64}, False),
    "gemma4_thinking": (1.0, 0.95, None, 1800, {"top_k": 64}, True),
    "qwen3.5_35B_122B_instruct_reasoning": (
        1.0, 1.0, 2.0, 600, {"top_k": 40, "min_p": 0.0, "repetition_penalty": 1.0}, False,
    ),
    "qwen3.5_35B_122B_thinking_reasoning": (
        1.0, 0.95, 1.5, 1800, {"top_k": 20, "min_p": 0.0, "repetition_penalty": 1.0}, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_configs_send_what_the_contract_says(name: str) -> None:
    temperature, top_p, penalty, timeout, extra, thinking = PUBLISHED[name]
    config = GenerationConfig.load(str(FOLDER / f"{name}.json"))
    assert config.timeout == timeout
    expected = {"temperature": temperature, "top_p": top_p, **extra}
    if penalty is not None:
        expected["presence_penalty"] = penalty
    expected["chat_template_kwargs"] = {"enable_thinking": thinking}
    assert config.parameters(default_temperature=0.0) == expected


def test_no_other_config_lies_in_the_folder() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(PUBLISHED)


def test_flag_wins_over_config_wins_over_default() -> None:
    config = GenerationConfig.load('{"temperature": 0.5}')
    assert config.parameters(temperature=0.1, default_temperature=0.7) == {"temperature": 0.1}
    assert config.parameters(default_temperature=0.7) == {"temperature": 0.5}
    assert GenerationConfig().parameters(default_temperature=0.7) == {"temperature": 0.7}
    assert GenerationConfig().parameters() == {}


def test_flag_wins_over_extra_body() -> None:
    config = GenerationConfig.load('{"extra_body": {"temperature": 0.5, "top_k": 3}}')
    assert config.parameters(temperature=0) == {"temperature": 0, "top_k": 3}
    assert config.parameters(default_temperature=0.0)["temperature"] == 0.5


def test_a_single_stop_string_is_a_list_of_one() -> None:
    assert GenerationConfig.load('{"stop": "END"}').parameters() == {"stop": ["END"]}
    extra = GenerationConfig.load('{"extra_body": {"stop": "END"}}')
    assert extra.parameters() == {"stop": ["END"]}


def test_seed_and_timeout_are_not_parameters() -> None:
    assert GenerationConfig.load('{"seed": 7, "timeout": 5}').parameters() == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gen_config/qwen.json", "no such file and not JSON"),
        ("/no/such/file.json", "no such file and not JSON"),
        ("[1, 2]", "not a list"),
        ("3", "not 3"),
        ("null", "not null"),
        ('{"temperature": ', "is not JSON"),
        ("", "is empty"),
        ("\0", "no such file"),
        ('{"temprature": 1}', "unknown key 'temprature'; known keys: temperature, top_p"),
        ('{"temperature": -1}', "temperature: "),
        ('{"temperature": NaN}', "temperature: "),
        ('{"timeout": 0}', "timeout: "),
        ('{"max_tokens": "many"}', "max_tokens: "),
        ('{"extra_body": [1]}', "extra_body: "),
        ('{"extra_body": {"messages": []}}', "may not set messages"),
        ('{"extra_body": {"stream": true}}', "may not set stream"),
        ("[" * 100_000, "is not JSON"),
        ('{"stop": "' + "x" * 5000, "is not JSON"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(text: str, words: str) -> None:
    with pytest.raises(ContractError) as caught:
        GenerationConfig.load(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("[]")
    with pytest.raises(ContractError, match=r"config\.json.*not a list"):
        GenerationConfig.load(str(path))


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0.01, 1),
        "presence_penalty": st.floats(-2, 2),
        "max_tokens": st.integers(1, 10**6),
        "stop": st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3),
        "extra_body": st.dictionaries(
            st.sampled_from(["top_k", "min_p", "guided_json"]),
            st.integers() | st.lists(st.booleans()) | st.none(),
        ),
    },
)


@given(SETTINGS)
def test_whatever_is_set_is_sent(settings: dict[str, object]) -> None:
    sent = GenerationConfig.load(json.dumps(settings)).parameters()
    extra = settings.pop("extra_body", {})
    assert isinstance(extra, dict)
    assert sent == {k: v for k, v in {**settings, **extra}.items() if v is not None}


def test_what_is_null_is_sent_by_nobody() -> None:
    given = '{"stop": null, "seed": null, "temperature": null, "extra_body": {"top_k": null}}'
    config = GenerationConfig.load(given)
    assert config.parameters(default_temperature=0.0) == {}
    assert config.parameters(temperature=0.5) == {"temperature": 0.5}
    bodies: list[dict[str, object]] = []

    class Noting:
        async def send(self, body: dict[str, object]) -> Reply:
            bodies.append(body)
            return Reply(text="ok")

    for left_out in (config.left_out, frozenset[str]()):
        model = ChatModel(Noting(), "m", seed=41, left_out=left_out)
        asyncio.run(model.reply([Message(role="user", content="x")], stop=["B"]))
    assert [sorted(body) for body in bodies] == [
        ["messages", "model"],
        ["messages", "model", "seed", "stop"],
    ]

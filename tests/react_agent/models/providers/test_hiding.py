"""A secret in any spelling, shortened or broken up, does not come through."""

import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from react_agent.models.providers.addresses import key_parts, shown
from react_agent.models.providers.hiding import Hidden

KEY = "sk-canary/+a&b'c<d0123456789=="
MUSTACHE = {"&": "&amp;", "<": "&lt;", "'": "&#39;", "/": "&#x2F;", "=": "&#x3D;"}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda s: quote(s, safe=""),
    "percent in small letters": lambda s: "".join(f"%{ord(c):02x}" for c in s),
    "percent twice": lambda s: quote(quote(s, safe=""), safe=""),
    "html": html.escape,
    "html of numbers": lambda s: "".join(MUSTACHE.get(c, c) for c in s),
    "html twice": lambda s: html.escape(html.escape(s)),
    "JSON in JSON": lambda s: json.dumps(json.dumps(s + '"')),
    ".NET": lambda s: "".join(c if c.isalnum() else f"\\u{ord(c):04X}" for c in s),
    "capitals": str.upper,
    "in two lines": lambda s: s[:12] + "\n" + s[12:],
    "in two lines of JSON": lambda s: s[:12] + "\\r\\n" + s[12:],
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_is_hidden(spell: Callable[[str], str]) -> None:
    hidden = Hidden([KEY]).hide(f"Incorrect key <{spell(KEY)}>; see the docs")
    assert hidden.startswith("Incorrect key <")
    assert "***" in hidden
    assert hidden.endswith(">; see the docs")
    assert not any(piece in hidden.lower() for piece in ("canary", "456", "%61"))


@pytest.mark.parametrize("piece", [KEY[:-4] + "...", KEY[1:], KEY[:8], KEY[:6] + "…", KEY[3:20]])
def test_what_is_left_of_a_shortened_key_is_hidden(piece: str) -> None:
    hidden = Hidden([KEY]).hide(f"no key {piece} here")
    assert hidden.startswith("no key ***")
    assert hidden.endswith(" here")


@given(st.text(), st.sampled_from(sorted(SPELLINGS)), st.text())
def test_a_key_amid_any_text_is_hidden(before: str, spelling: str, after: str) -> None:
    hidden = Hidden([KEY]).hide(f"{before} {SPELLINGS[spelling](KEY)} {after}")
    assert "canary" not in hidden.lower()


@given(st.text())
def test_other_text_stays_as_it_is(text: str) -> None:
    assert Hidden([KEY, "EMPTY", ""]).hide(text) == text
    assert Hidden([]).hide(text) == text


def test_what_is_no_secret_is_no_reason_to_hide() -> None:
    assert Hidden(["EMPTY", "x"]).hide("an EMPTY x") == "an EMPTY x"
    assert Hidden(["abcdef"]).hide("abcde abcdef") == "abcde ***"


@pytest.mark.parametrize(
    "part",
    ["sk-proj-a1b2c3d4e5f6", "9f86d081884c7d659a2f", "0b5f3a1e-1111-2222-3333-444455556666"],
)
def test_a_key_in_the_path_is_not_shown(part: str) -> None:
    url = URL(f"https://gateway.example/v1/{part}/openai")
    assert shown(url) == "https://gateway.example/v1/***/openai"
    assert key_parts(url) == [part]


@pytest.mark.parametrize(
    "path", ["v1", "gpt-4o-mini-2024-07-18", "Qwen3.5-122B-A10B", "openai/deployments/my-model-1"]
)
def test_names_of_models_are_no_keys(path: str) -> None:
    assert shown(URL(f"https://h.example/{path}")) == f"https://h.example/{path}"

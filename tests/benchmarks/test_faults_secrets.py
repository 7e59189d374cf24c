"""The row `secrets` finds a key where the hiding or the sandbox is out, in any spelling of it."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from rows.secrets import Search, Secrets, searched

from react_agent.errors import ContractError
from react_agent.models.providers.wire import Wire
from react_agent.sandbox.door import SandboxKind

NO_HIDING = (
    "from react_agent.models.providers.wire import Wire; Wire._hide = lambda self, text: text"
)


def wrong(folder: Path, only: str, *, kind: SandboxKind = "bwrap", before: str = "") -> list[str]:
    folder.chmod(0o755)
    try:
        search = searched(folder, 5, kind, before=before, only=only)
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")
    assert search.commands == 1
    return search.wrong


@pytest.mark.parametrize("only", ["key by flag, 401", "api_chat, 400", "key by flag, answered"])
def test_nothing_is_told(tmp_path: Path, only: str) -> None:
    assert wrong(tmp_path, only) == []


@pytest.mark.parametrize("only", ["key by variable, 401", "api_chat, 400"])
def test_without_the_hiding_it_is_seen(tmp_path: Path, only: str) -> None:
    found = wrong(tmp_path, only, before=NO_HIDING)
    assert any("the key" in line or "the access" in line for line in found)
    assert any("percent-encoded" in line for line in found)


def test_without_the_sandbox_the_agent_finds_the_key(tmp_path: Path) -> None:
    found = wrong(tmp_path, "key by variable, answered", kind="none")
    assert any("holds the key" in line for line in found)


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_every_spelling_is_found(before: str) -> None:
    secrets = Secrets(3)
    key = secrets.by_name["key"]
    texts = (
        key,
        quote(key, safe=""),
        key.encode().hex(),
        base64.b64encode(f"{before}{key} and more".encode()).decode(),
    )
    for text in texts:
        assert secrets.found_in(f"<<{text}>>".encode()), text
    assert secrets.found_in(b"key-secret") == []


def test_what_is_held_in_the_name_of_a_file_is_found(tmp_path: Path) -> None:
    secrets = Secrets(3)
    (tmp_path / quote(secrets.by_name["key"], safe="")).touch()
    search = Search(tmp_path, secrets)
    search.look_through()
    assert len(search.wrong) == 1


@pytest.mark.parametrize("cut", range(6, 20))
def test_a_secret_at_the_end_of_a_message_that_was_cut_is_hidden(cut: int) -> None:
    from yarl import URL

    wire = Wire(URL("http://localhost/?k=abcdef/ghijkl"), None, secrets=("sk-0123456789abcdef",))
    assert wire._hide(f"no {'sk-0123456789abcdef'[:cut]}…; check the key").startswith("no ***")
    assert wire._hide("GET /?k=abcdef%2Fghijkl") == "GET /?k=***"

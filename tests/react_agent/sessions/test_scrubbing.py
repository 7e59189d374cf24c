"""Nothing secret and nobody's name leaves with a session."""

import json
import string
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessionfiles import CWD, Claude

from react_agent.evidence import Reference, Session, Step
from react_agent.runs.logs import render_markdown
from react_agent.sessions.as_log import session_log, task_name
from react_agent.sessions.claude_code import ClaudeCode
from react_agent.sessions.scrub import Scrubber

BODY = "Zx9Qw8Er7Ty6Ui5Op4As3Df2Gh1Jk0LmNb"
PEM = "\n".join([BODY * 2] * 3)
PLANTED = {
    "OpenAI": f"export OPENAI_API_KEY=sk-proj-{BODY}",
    "OpenAI alone": f"key is sk-{BODY}, ok?",
    "Anthropic": f"sk-ant-api03-{BODY}_{BODY}-AA",
    "GitHub": f"git clone https://ghp_{BODY}@github.com/x/y",
    "GitHub fine": f"github_pat_{BODY}_{BODY}",
    "GitLab": f"glpat-{BODY}",
    "AWS": "AKIAQWERTYUIOPASDFGH",
    "AWS secret": f"aws_secret_access_key = {BODY}+/{BODY}",
    "Google": f"AIzaSy{BODY}",
    "Slack": f"xoxb-123456789012-{BODY}",
    "Hugging Face": f"hf_{BODY}",
    "npm": f"//registry/:_authToken=npm_{BODY}",
    "PyPI": f"pypi-{BODY}",
    "Stripe": f"sk_live_{BODY}",
    "LangSmith": f"lsv2_pt_{BODY}_{BODY}",
    "bearer": f"curl -H 'Authorization: Bearer {BODY}'",
    "basic": f"Authorization: Basic {BODY}==",
    "JWT": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{BODY}",
    "cookie": f"Set-Cookie: session={BODY}; Path=/",
    "url": f"postgres://admin:{BODY}@db.local/x",
    "curl user": f"curl -s -u admin:{BODY} http://x",
    "password": f"password: {BODY}",
    "password in code": f'db_password = "{BODY}"',
    "password in JSON": json.dumps({"user": "x", "passwd": BODY}),
    "password in JSON in JSON": json.dumps(json.dumps({"client_secret": BODY})),
    "flag": f"deploy --token {BODY}",
    "environment": f"SECRET_KEY={BODY}",
    "RSA": f"-----BEGIN RSA PRIVATE KEY-----\n{PEM}\n-----END RSA PRIVATE KEY-----",
    "OpenSSH": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{PEM}\n-----END OPENSSH PRIVATE KEY-----",
    "cut key": f"-----BEGIN PRIVATE KEY-----\n{PEM}",
    "a service that nobody has listed": f"newco_live_{BODY}",
    "Vault": f"hvs.{BODY}",
    "Grafana": f"glsa_{BODY}_ab12cd34",
    "Atlassian": f"ATATT3xFf{BODY}",
    "Doppler": f"dp.pt.{BODY}",
    "Google client": f"GOCSPX-{BODY}",
    "Discord": f"MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.{BODY}",
    "webhook": f"https://discord.com/api/webhooks/123456/{BODY}",
    "signed address": f"https://x.blob.core.windows.net/c?sv=2020&sig={BODY}%3D",
    "raw authorization": f"curl -H 'Authorization: {BODY}' http://x",
    "digest": f'Authorization: Digest username="joe", response="{BODY}"',
    "cookie of curl": f"curl -b session={BODY} http://x",
    "cookie of a page": f"document.cookie = 'sid={BODY}'",
    "docker": json.dumps({"auths": {"r": {"auth": BODY}}}),
    "netrc": f"machine h login joe password {BODY}",
    "mysql": f"mysql -u root -p{BODY} db",
    "hash of a password": f"joe:$apr1$abcd1234${BODY}",
    "environment of a key": f"OPENAI_KEY={BODY}",
    "url with a slash": f"postgres://admin:pa/{BODY}@db.local/x",
    "url of a token": f"https://{BODY}@git.local/x",
    "key in JSON": json.dumps(f"-----BEGIN EC PRIVATE KEY-----\n{PEM}\n"),
}


def scrubbed(text: str) -> str:
    return Scrubber().text(text)


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("around", ["{}", "he wrote:\n{}\nand went on", "echo '{}' > x"])
def test_a_planted_secret_is_taken_out(kind: str, around: str) -> None:
    text = scrubbed(around.replace("{}", PLANTED[kind]))
    assert BODY not in text
    assert BODY[:20] not in text
    assert "AKIAQWERTYUIOPASDFGH" not in text
    assert "<" in text


def test_what_stands_around_a_secret_stays() -> None:
    text = scrubbed(f"he wrote:\npassword = {BODY}\nand went on at b.c@example.org.")
    assert text == "he wrote:\npassword = <SECRET>\nand went on at <E-MAIL>."


@pytest.mark.parametrize(
    "text",
    [
        "def total(rows): return sum(row.amount for row in rows)",
        "token_count = count_tokens(text)",
        "The tokens were counted: 4,512 prompt_tokens and 12 more",
        "token = read_token(path)",
        "password = os.environ['PW']",
        "if password is None: raise ValueError",
        "https://example.org/a/b?x=1#part",
        "sha256 0f343b0931126a20f133d67c2b018a3b1d6f2a4c",
        "import numpy as np  # noqa: E402",
        "http://localhost:3000/@vite/client and https://registry.npmjs.org/@scope/pkg",
        "npm i @types/node@20.11.5, see react-dom.production.min.js",
        "model claude-3-5-sonnet-20241022, gpt-4o-mini-2024-07-18, report_2024-01-31_final.xlsx",
        "tests/test_scrubbing.py::test_a_planted_secret_is_taken_out[Anthropic]",
        "commit 0f343b0931126a20f133d67c2b018a3b1d6f2a4c of 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "PRIMARY_KEY=customer_id, ORDER BY -p",
    ],
)
def test_ordinary_work_is_left_as_it_is(text: str) -> None:
    assert scrubbed(text) == text


def session(folder: Path, *steps: Step, cwd: str = CWD) -> Session:
    reference = Reference("claude-code", "s-1", folder / "s-1.jsonl", None)  # type: ignore[arg-type]
    return Session(reference, cwd=cwd, steps=steps)


def test_paths_and_names_of_people_become_placeholders(tmp_path: Path) -> None:
    steps = (
        Step("user", f"marta: look at {CWD}/report.py and /home/marta/notes.txt"),
        Step("tool_result", r"C:\Users\Jonas\Desktop\x.txt and /Users/petra.k/y, says Jonas"),
        Step("tool_call", name="Read", arguments={"file": f"{CWD}-old/x", "api_key": "abc"}),
        Step("say", "~/.claude/projects/-home-marta-work/x.jsonl; the martagon stays"),
    )
    given_ = session(tmp_path, *steps)
    scrubber = Scrubber.of(given_)
    clean = scrubber.session(given_)
    said = "\n".join(f"{s.text} {json.dumps(dict(s.arguments))}" for s in clean.steps)
    for name in ("marta:", "/home/marta", "Jonas", "petra", "-marta-", '"abc"'):
        assert name not in said
    assert "<PROJECT>/report.py" in said
    assert "<HOME>/notes.txt" in said
    assert "martagon" in said
    assert clean.cwd == "<PROJECT>"


def test_a_home_in_an_unusual_place_is_taken_out(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", "/cluster/site-7/k4711")
    read = "skills in `/cluster/site-7/k4711/.codex/skills`, not in /cluster/site-7/k4711b"
    given_ = session(tmp_path, Step("injected", read))
    said = Scrubber.of(given_).session(given_).steps[0].text
    assert said == "skills in `<HOME>/.codex/skills`, not in /cluster/site-7/k4711b"


@given(st.text(alphabet=string.printable, max_size=300))
def test_scrubbing_again_changes_nothing(text: str) -> None:
    once = scrubbed(text)
    assert scrubbed(once) == once


def test_a_secret_is_known_before_a_long_text_is_cut(tmp_path: Path) -> None:
    """A cut in the middle of a key would leave a half that no rule knows."""
    day = Claude()
    day.user("x")
    day.tool("Bash", {"command": "cat .env"}, "a" * 19_990 + f" sk-ant-{BODY} " + "b" * 90_000)
    day.write(tmp_path)
    evidence = ClaudeCode(tmp_path)
    entry = session_log(evidence, evidence.read(evidence.discover()[0]))
    assert "sk-ant" not in render_markdown(entry.log)


@given(st.text(max_size=100))
def test_the_id_of_a_session_can_be_a_file_name(identifier: str) -> None:
    name = task_name(identifier)
    assert name
    assert len(name) <= 64
    assert set(name) <= set(string.ascii_letters + string.digits + "-")


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "token", "eyJ-", "a-", "curl ", '"', "-----BEGIN PRIVATE KEY-----!", "sk-", "a@"),
        *("a_", "a1-a1-", "Authorization: ", "curl -b ", "mysql ", "login a ", "&sig=", "A_KEY="),
        *("password=", "a.b@c.", "://:", "Bearer ", "/home/", "\\\\", "= ", "-home-a-"),
    ],
)
def test_no_text_keeps_the_rules_busy(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.process_time()
    scrubbed(text)
    Scrubber().learn(text)
    assert time.process_time() - started < 10

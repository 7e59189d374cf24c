"""Qwen Code, headless, with a stream of events like Claude Code's."""

from collections.abc import Sequence

from react_agent.clients.agent import ClientKind, client_kind
from react_agent.clients.client import Client, Ended, Event, Given, Start, last, session_steps
from react_agent.evidence import Step
from react_agent.harnesses.equipment import Choice
from react_agent.sessions.qwen_code import QwenCode as Sessions

KNOWN_USER = """
const os = require("node:os");
const ask = os.userInfo;
os.userInfo = (options) => {
  try {
    return ask(options);
  } catch {
    const [uid, gid, homedir] = [process.getuid(), process.getgid(), os.homedir()];
    return { username: "agent", uid, gid, homedir, shell: "/bin/bash" };
  }
};
require("node:module").syncBuiltinESMExports();
"""
"""It does not start without a name of its user, and that of a case has none."""
FAILED = "[API Error:"
"""How it tells, as if the model had said it, that there was no answer."""


class QwenCode(Client):
    name = "qwen-code"
    protocol = "chat"
    program = "qwen"
    install = "npm install -g @qwen-code/qwen-code"
    skills = ".qwen/skills"

    def start(self, given: Given) -> Start:
        argv = [str(given.program), "--yolo", "--output-format", "stream-json"]
        argv += ["--auth-type", "openai", "--model", given.model]
        hook = given.home / "known_user.cjs"
        hook.write_text(KNOWN_USER, encoding="utf-8")
        env = {
            "NODE_OPTIONS": f"--require={hook}",
            "OPENAI_BASE_URL": f"{given.url}/v1",
            "OPENAI_API_KEY": given.key,
            "OPENAI_MODEL": given.model,
        }
        return Start(argv, env)

    def ended(self, events: Sequence[Event]) -> Ended:
        """Some versions call a broken connection a success."""
        result, begun = last(events, "result"), last(events, "system")
        if not result:
            return Ended("completed" if begun else "crash", "it ended without a result")
        words = str(result.get("result") or result.get("error") or result.get("subtype"))[:400]
        if result.get("is_error") or words.lstrip().startswith(FAILED):
            return Ended("infrastructure", words)
        return Ended()

    def steps(self, given: Given, events: Sequence[Event]) -> Sequence[Step]:
        return session_steps(Sessions, given.home / ".qwen" / "projects")


def agent(choice: Choice) -> ClientKind:
    return client_kind(QwenCode(), choice)

"""A client as an agent behind the harness seam: one case in a home of its own, inside the sandbox,
with the gateway for its only network.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from react_agent.clients.client import Client, Ended, Event, Given, Start, last
from react_agent.clients.installed import Installed, installed
from react_agent.errors import ContextOverflow, ContractError, InfrastructureError, PromptRefused
from react_agent.evidence import Step
from react_agent.files import copy_folder, digest
from react_agent.gateway.server import Gateway
from react_agent.gateway.visits import Visit
from react_agent.harnesses.equipment import Choice, Equipment, SkillOffer
from react_agent.layout import REQUESTS
from react_agent.model import Message
from react_agent.sandbox import trees
from react_agent.sandbox.bash import Bash, BashResult
from react_agent.sandbox.limits import GiB, MiB
from react_agent.seams import Status, Trajectory, Workspace
from react_agent.sessions.as_log import messages_of
from react_agent.templates import Prompts
from react_agent.text import cut_middle, one_line
from react_agent.threads import in_thread

HOME = ".agent-home"
"""Below the case's folder, and gone with the end of the case."""
GRACE = 4.0
"""Seconds for a client to write down its end, once no request of it would be answered."""
LARGEST_HOME = 64 * MiB
"""Bytes of a home in which a client's session is looked for."""
PORT = 8787
"""Of the gateway, in a network that the case has for itself."""
PROMPTS = Prompts("react_agent.clients")
TEMPLATE = "with_skill.j2"


def client_kind(client: Client, choice: Choice) -> "ClientKind":
    """Raises ContractError where the client is not installed."""
    found = installed(client.program, client.install, client.distribution)
    offer = choice.skill_offer or ("native" if client.skills else "preloaded")
    if offer == "native" and not client.skills:
        raise ContractError(
            f"--harness {client.name} has no skills of its own: --skill_offer preloaded"
        )
    return ClientKind(client, found, offer, with_skill=choice.agent != "cli_only")


@dataclass(frozen=True)
class ClientKind:
    client: Client
    found: Installed
    offer: SkillOffer
    with_skill: bool
    own: str = ""
    """Digest of what is a user's own of it."""
    with_model: bool = True

    @property
    def name(self) -> str:
        return self.client.name

    @property
    def preloads(self) -> bool:
        return self.offer == "preloaded"

    @property
    def protocol(self) -> str:
        return self.client.protocol

    @property
    def settings(self) -> Mapping[str, Any]:
        settings: dict[str, Any] = {"client": {"version": self.found.version}}
        if self.own:
            settings["client"]["own"] = self.own
        if self.with_skill:
            settings["skill_offer"] = self.offer
        if self.with_skill and self.offer == "preloaded":
            settings["skill_prompt"] = digest(PROMPTS.sources()[TEMPLATE])
        return settings

    def open(self, equipment: Equipment) -> "ClientHarness":
        if equipment.gateway is None:
            raise ContractError(f"--harness {self.name} needs a gateway to its model")
        return ClientHarness(self, equipment, equipment.gateway)


class ClientHarness:
    def __init__(self, kind: ClientKind, equipment: Equipment, gateway: Gateway) -> None:
        self.kind, self.client, self.equipment = kind, kind.client, equipment
        self.gateway = gateway
        self.skill = equipment.skill if kind.with_skill else None
        self.sandbox = equipment.for_one_command(
            address_space=1 << 46,  # what their runtimes set aside is not what they use
            memory=max(equipment.sandbox.limits.memory, 4 * GiB),
            kept_bytes=16 * MiB,
        )

    @property
    def name(self) -> str:
        return self.client.name

    async def run(self, workspace: Workspace) -> Trajectory:
        """Raises a fatal ModelError, as the built-in agent does."""
        if workspace.images:
            raise ContractError(f"--harness {self.name}: a client is shown no images of a task")
        folder, records = workspace.folder, self.equipment.records
        record = records / REQUESTS / f"{folder.name}.jsonl" if records else None
        async with self.gateway.visit(record=record, max_calls=self.equipment.max_turns) as visit:
            given = self._given(workspace, visit)
            await in_thread(self._lay_out, given, visit)
            try:
                case = self.sandbox.case(
                    folder, read_only=self._visible(visit), hide=self.equipment.hide
                )
                async with case as shell:
                    done = await _until_over(shell, _command(given), visit)
                return await in_thread(self._trajectory, given, visit, done)
            finally:
                await in_thread(self._clear, folder)

    @property
    def _who(self) -> str:
        return f"{self.name} {self.kind.found.version}"

    @property
    def _confined(self) -> bool:
        return self.sandbox.kind != "none"

    def _visible(self, visit: Visit) -> list[Path]:
        found = [*self.kind.found.needs]
        if self._confined:
            found.append(visit.socket)
        if self.skill and self.kind.offer == "preloaded":
            found.append(self.skill.root.resolve())
        return found

    def _given(self, workspace: Workspace, visit: Visit) -> Given:
        task = self.equipment.task(workspace)
        if self.skill and self.kind.offer == "preloaded":
            task = PROMPTS.render(
                TEMPLATE,
                task=task,
                skill_name=self.skill.name,
                skill_body=self.skill.body,
                skill_folder=self.skill.root.resolve(),
            )
        return Given(
            folder=workspace.folder,
            home=workspace.folder / HOME,
            program=self.kind.found.program,
            task=task,
            model=visit.model,
            url=f"http://127.0.0.1:{PORT}" if self._confined else visit.url,
            key=visit.key,
            max_turns=self.equipment.max_turns,
            confined=self._confined,
        )

    def _lay_out(self, given: Given, visit: Visit) -> None:
        given.home.mkdir()
        if self.skill and self.kind.offer == "native":
            place = given.folder / self.client.skills / self.skill.name
            copy_folder(self.skill.root, place)
        start = self.client.start(given)
        (given.home / "task.md").write_text(f"{given.task}\n", encoding="utf-8")
        script = resources.files("react_agent.clients") / "inside.py"
        (given.home / "inside.py").write_bytes(script.read_bytes())
        told = self._told(given, visit, start)
        (given.home / "start.json").write_text(json.dumps(told), encoding="utf-8")

    def _told(self, given: Given, visit: Visit, start: Start) -> dict[str, Any]:
        path = ":".join(["{PATH}", *map(str, self.kind.found.path)])
        own = {"HOME": str(given.home), "PATH": path, **start.env}
        return {
            "argv": list(start.argv),
            "env": own,
            "stdin": str(given.home / "task.md") if start.stdin else "",
            "stderr": str(given.home / "stderr.txt"),
            "socket": str(visit.socket) if self._confined else "",
            "port": PORT,
        }

    def _clear(self, folder: Path) -> None:
        """What the agent is to leave is in the folder; what the client has left is not of it."""
        trees.remove(folder / HOME)
        if self.skill and self.kind.offer == "native":
            trees.remove(folder / Path(self.client.skills).parts[0])

    def _trajectory(self, given: Given, visit: Visit, done: BashResult | None) -> Trajectory:
        """Raises the visit's problem where no other case would fare better."""
        if visit.problem and visit.problem.fatal:
            raise visit.problem
        # Whatever ran there may have put links to other people's files, or pipes, in their place.
        trees.only_files(given.home, LARGEST_HOME)
        printed = done.text if done else ""
        events = list(_events(printed))
        steps = self.client.steps(given, events)
        messages, places = messages_of(steps)
        if not any(message.role == "assistant" for message in messages):
            shown = cut_middle(printed, 4000) or "(it printed nothing)"
            messages = [
                Message(role="user", content=given.task),
                Message(role="assistant", content=shown),
            ]
        ended = self.client.ended(events)
        status, error = _status(ended, events, visit, done)
        if status == "crash":  # another version may fare better
            error = f"{self._who}: {error}"
        return Trajectory(
            messages,
            status,
            turns=visit.calls,
            error=error,
            usage=visit.usage,
            seconds=done.seconds if done else 0.0,
            rows={**ended.rows, **self._rows(steps, places, visit)},
        )

    def _rows(
        self, steps: Sequence[Step], places: Mapping[int, int], visit: Visit
    ) -> dict[str, Any]:
        """What the log says besides: which client, and whether the skill was opened and when."""
        rows: dict[str, Any] = {"client": self._who}
        if visit.record:
            rows["requests"] = f"{REQUESTS}/{visit.record.name}"
        if visit.others:
            rows["served_models"] = list(visit.others)
        if self.skill:
            rows["skill_offer"] = self.kind.offer
        if self.skill and self.kind.offer == "native":
            lost = {step.call for step in steps if step.failed} - {""}
            tried = (n for n, step in enumerate(steps, 1) if _opens(step, self.skill.name))
            opened = [n for n in tried if steps[n - 1].call not in lost]
            rows["skill_opened"] = bool(opened)
            if opened:
                rows["skill_opened_in_message"] = places.get(opened[0], 0)
        return rows


async def _until_over(shell: Bash, command: str, visit: Visit) -> BashResult | None:
    """None for a client that had to be ended, since some ask again for ever."""
    running = asyncio.ensure_future(shell.run(command))
    over = asyncio.ensure_future(visit.over.wait())
    try:
        await asyncio.wait({running, over}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=GRACE)
        return running.result() if running.done() else None
    finally:
        for task in (running, over):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _command(given: Given) -> str:
    return f"exec python -I {HOME}/inside.py {HOME}/start.json"


def _events(printed: str) -> list[Event]:
    found = []
    for line in printed.splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                found.append(json.loads(line))
    return found


def _opens(step: Step, skill: str) -> bool:
    """By the client's own tool, or by a command that reads its main file."""
    if step.kind == "skill_load":
        return step.name == skill
    return step.kind == "tool_call" and f"{skill}/SKILL.md" in json.dumps(dict(step.arguments))


def _status(
    ended: Ended, events: Sequence[Event], visit: Visit, done: BashResult | None
) -> tuple[Status, str]:
    """By what happened at the gateway first, then by what the client says."""
    if done and done.killed == "timeout":
        return "deadline", f"not done after {done.seconds:.0f} s"
    if visit.out_of_calls:
        return "out_of_turns", f"the model was asked {visit.calls} times"
    problems: list[tuple[type[Exception], Status]] = [
        (InfrastructureError, "infrastructure"),
        (ContextOverflow, "context_overflow"),
        (PromptRefused, "refused"),
    ]
    for kind, status in problems:
        if isinstance(visit.problem, kind):
            return status, str(visit.problem)
    if done and done.killed:
        return "completed", f"ended at its limit: {done.killed}"
    if not visit.calls:  # it never came to its work
        words = _stderr(events) or one_line(done.text if done else "", 300)
        return "crash", f"the client asked its model nothing: {words}"
    if ended.status != "completed":
        return ended.status, ended.error
    return "completed", "; ".join(filter(None, (ended.error, _died(events, done))))


def _died(events: Sequence[Event], done: BashResult | None) -> str:
    """How a client came to its end that did not come to it by itself; empty for one that did."""
    if done is None:
        return ""
    end = last(events, "client_ended")
    code = end.get("exit_code")
    if not end:
        return "it was killed with all that it had started"
    if not isinstance(code, int) or code == 0:
        return ""
    by = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"the client ended with {by}{f': {words}' if (words := _stderr(events)) else ''}"


def _stderr(events: Sequence[Event]) -> str:
    """Some say first what was wrong, some last."""
    said = " ".join(str(last(events, "client_ended").get("stderr") or "").split())
    return one_line(cut_middle(said, 300), 400)

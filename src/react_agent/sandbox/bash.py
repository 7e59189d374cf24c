"""The agent's one tool: a bash command in the case's folder, and what the model is told of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from react_agent.sandbox.limits import Breach
from react_agent.sandbox.process import BoundedOutput, Ended
from react_agent.text import MAX_OBSERVATION, cut_middle, without_control

OBSERVATION_FILE = ".observation_"
"""How the names begin of the files that keep long outputs."""
LONGEST_COMMAND = 120_000
"""Bytes; the kernel takes no single argument of 128 KiB or more."""

_ADVICE: dict[Breach, str] = {
    "timeout": "it took too long; do the work in smaller steps",
    "output": "it printed far too much; print only what you need",
    "memory": "it used too much memory; read and process less at a time",
    "processes": "it started too many processes",
    "disk": "its files took too much space; delete what you do not need",
    "files": "it made too many files; delete what you do not need",
}
_HINTS = {152: " (CPU time limit)", 153: " (file size limit)", 137: " (killed)"}


@dataclass(frozen=True)
class BashResult:
    """What one command did. Stderr is part of the text, in the order it was written."""

    text: str
    """Output; of a long one the beginning and the end, with a note between."""
    exit_code: int
    killed: Breach = ""
    """The limit that ended the command, `timeout` included."""
    truncated_bytes: int = 0
    seconds: float = 0.0

    def render(self, most: int = MAX_OBSERVATION, kept: str = "") -> str:
        """The observation for the model: output, and a line when something went wrong.

        `kept` is the file that has what is left out of more than `most` characters.
        """
        text = cut_middle(self.text, most, self.truncated_bytes, kept)
        parts = [text.rstrip("\n") or "(no output)"]
        if self.killed:
            advice = _ADVICE[self.killed]
            parts.append(f"[command stopped after {self.seconds:.3g} s: {advice}]")
        elif self.exit_code:
            parts.append(f"[exit code {self.exit_code}{_HINTS.get(self.exit_code, '')}]")
        return "\n".join(parts)


def readable(output: BoundedOutput) -> str:
    """Text of what was kept: no broken character where it was cut, no control character but
    tab and line feed."""
    head, tail = bytes(output.head), output.tail
    if not output.dropped:
        return _clean(head + tail)
    # An incomplete character at the cut is part of what was left out.
    for back in range(1, min(4, len(head)) + 1):
        lead = head[-back]
        if lead >= 0xC0:
            head = head[:-back] if back < (2 + (lead >= 0xE0) + (lead >= 0xF0)) else head
            break
        if lead < 0x80:
            break
    start = next((n for n in range(min(4, len(tail))) if not 0x80 <= tail[n] < 0xC0), 0)
    note = f"\n... [{output.dropped} bytes left out] ...\n"
    return _clean(head) + note + _clean(tail[start:])


def _clean(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return without_control(text)


@dataclass
class Bash:
    """Runs commands one after the other; made by `Sandbox.case`."""

    _start: Callable[[str], Awaitable[Ended]]
    _slots: asyncio.Semaphore
    _keep: Callable[[str, bytes], Awaitable[bool]]
    """Puts a file into the folder; false where there is no room for it."""
    _kept: int = 0
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def observe(self, command: str, most: int = MAX_OBSERVATION) -> str:
        """Run a command and say what came of it. Of longer output than `most` characters a file
        in the folder keeps all that is left of it, so that it can be read in parts."""
        result = await self.run(command)
        name = ""
        if len(result.text) > most:
            self._kept += 1
            name = f"{OBSERVATION_FILE}{self._kept}.txt"
            async with self._one_at_a_time:
                name = name if await self._keep(name, result.text.encode()) else ""
        return result.render(most, name)

    async def run(self, command: str) -> BashResult:
        """Everything the command started is dead when this returns, also when it is cancelled."""
        if problem := _unfit(command):
            return BashResult(text=problem, exit_code=126)
        async with self._one_at_a_time, self._slots:
            ended = await self._start(command)
        code = ended.exit_code if ended.exit_code >= 0 else 128 - ended.exit_code
        return BashResult(
            text=readable(ended.output),
            exit_code=code,
            killed=ended.breach,
            truncated_bytes=ended.output.dropped,
            seconds=ended.seconds,
        )


def _unfit(command: str) -> str:
    if "\0" in command:
        return "The command holds a NUL character, which bash cannot read. Nothing was run."
    if len(command.encode("utf-8", "replace")) > LONGEST_COMMAND:
        return (
            f"The command is longer than {LONGEST_COMMAND} bytes. Nothing was run. "
            "Write long scripts to a file in several steps."
        )
    return ""

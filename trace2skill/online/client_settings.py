"""The client's settings file: our hook goes in and out, and all else stays as it is.

A client that cannot read its settings ignores them without a word, so a file that is not plainly
what it should be is refused and not touched.
"""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.files import write_whole
from trace2skill.online import hook
from trace2skill.online.home import keep_copy

EVENT = "SessionEnd"
SECONDS = 10
UNCHANGED = "nothing was changed"


def hook_command(folder: Path, start: bool) -> str:
    """For the client's shell. It ends well even where this Python is gone one day."""
    words = [
        sys.executable,
        "-I",
        "-S",
        hook.__file__,
        str(folder),
        *(["--start"] if start else []),
    ]
    return f"{shlex.join(words)} 2>/dev/null || :"


@dataclass(frozen=True)
class ClientSettings:
    file: Path
    value: Mapping[str, Any]
    mode: int = 0o600

    @classmethod
    def read(cls, file: Path) -> "ClientSettings":
        """None there is an empty one. Raises ContractError for what the client would ignore."""
        file = file.resolve()  # a link into somebody's own store stays one
        if not file.exists():
            return cls(file, {})
        try:
            text = file.read_text(encoding="utf-8")
            value = json.loads(text, object_pairs_hook=_each_once) if text.strip() else {}
        except (OSError, ValueError, RecursionError) as error:
            raise ContractError(f"{file}: cannot be read as JSON: {error}; {UNCHANGED}") from None
        found = cls(file, value, file.stat().st_mode & 0o777)
        found.groups()
        return found

    def groups(self) -> list[Any]:
        """Of hooks for the end of a session."""
        value = self.value
        if not isinstance(value, dict):
            raise ContractError(f"{self.file}: has to be a JSON object; {UNCHANGED}")
        hooks = value.get("hooks", {})
        if not isinstance(hooks, dict):
            raise ContractError(f"{self.file}: hooks has to be an object; {UNCHANGED}")
        groups = hooks.get(EVENT, [])
        for group in groups if isinstance(groups, list) else [None]:
            if not isinstance(group, dict) or not isinstance(group.get("hooks"), list):
                shape = "a list of objects that each have a list of hooks"
                raise ContractError(f"{self.file}: hooks.{EVENT} has to be {shape}; {UNCHANGED}")
        return list(groups)

    def command(self, folder: Path) -> str | None:
        """Ours, as it stands there."""
        found = (h for group in self.groups() for h in group["hooks"] if _ours(h, folder))
        return next((str(h["command"]) for h in found), None)

    def with_hook(self, folder: Path, command: str) -> "ClientSettings":
        told = {"type": "command", "command": command, "timeout": SECONDS}
        return self._with([*self.without_hook(folder).groups(), {"hooks": [told]}])

    def without_hook(self, folder: Path) -> "ClientSettings":
        if self.command(folder) is None:
            return self
        groups = []
        for group in self.groups():
            kept = [h for h in group["hooks"] if not _ours(h, folder)]
            if kept or not group["hooks"]:
                groups.append({**group, "hooks": kept})
        return self._with(groups)

    def _with(self, groups: list[Any]) -> "ClientSettings":
        hooks = {k: v for k, v in self.value.get("hooks", {}).items() if k != EVENT or groups}
        value = {k: v for k, v in self.value.items() if k != "hooks"}
        if groups:
            hooks[EVENT] = groups
        if hooks:
            value = {**self.value, "hooks": hooks}
        return ClientSettings(self.file, value, self.mode)

    def write(self) -> Path | None:
        """Where the copy of what was there lies."""
        copy = keep_copy(self.file) if self.file.exists() else None
        text = json.dumps(self.value, ensure_ascii=False, indent=2) + "\n"
        write_whole(self.file, text, self.mode)
        return copy


def _ours(entry: Any, folder: Path) -> bool:
    command = entry.get("command") if isinstance(entry, dict) else None
    try:
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return False
    mine = any(word.endswith("online/hook.py") for word in words)
    return mine and str(folder) in words


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that stands twice would lose one of its values."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return value

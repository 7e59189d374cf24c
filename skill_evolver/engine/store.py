"""Every paid reply on disk when it comes, keyed by all that decided it; and the readable files.

`calls/<name>.json` is what a killed evolution goes on from. A reply that could not be read is kept
for the reader, but asked for again by the next start.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from react_agent.conversation import CORRECTIONS
from react_agent.errors import ContractError
from react_agent.files import digest, read_json, write_json, write_whole
from react_agent.layout import CALLS
from react_agent.model import Message, Model, Usage
from skill_evolver.engine.asking import Talk, ask
from skill_evolver.patches.codecs import Codec, PatchFormatError
from skill_evolver.patches.patch import Patch

PLACE_FIELDS = ("target_section", "target_text", "old_text", "content", "after_section")
log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Tally:
    """What the calls of this start and of earlier ones cost."""

    usage: Usage = field(default_factory=Usage)
    reused: Usage = field(default_factory=Usage)
    calls: Counter[str] = field(default_factory=Counter)
    reused_calls: Counter[str] = field(default_factory=Counter)
    continued: int = 0
    fixed: int = 0
    unreadable: int = 0


class Store:
    def __init__(
        self,
        folder: Path,
        model: Model,
        *,
        parse_failures: Path | None = None,
        readable: bool = True,
        fixes: int = CORRECTIONS,
    ) -> None:
        self.folder, self.model, self.readable = folder, model, readable
        self.fixes = fixes
        self.parse_failures = parse_failures
        self.tally = Tally()
        self._model_key = model_key(model)

    async def ask(
        self, name: str, messages: Sequence[Message], parse: Callable[[str], T]
    ) -> Talk[T]:
        """The reply to this prompt: from disk when it was paid for, else from the model.

        Raises ModelError when the endpoint fails.
        """
        phase = name.split("_")[0]
        key = digest(self._model_key, *(f"{m.role}:{m.text}" for m in messages))
        stored = self._stored(name, key, parse)
        if stored is not None:
            self.tally.reused += stored.usage
            self.tally.reused_calls[phase] += 1
            return stored
        talk = await ask(self.model, messages, parse, self.fixes)
        self.tally.usage += talk.usage
        self.tally.calls[phase] += 1
        self.tally.continued += talk.continued
        self.tally.fixed += talk.fixed
        self._save(name, key, messages, talk)
        return talk

    def write_patch(self, name: str, patch: Patch) -> None:
        """A patch as the contract has it, for readers; only when intermediates are wanted. Its
        number in the file's name is in it too, and an edit has every field that names a place."""
        if self.readable:
            fields = patch.model_dump(mode="json", exclude_defaults=True)
            number = re.search(r"_(\d+)\.json$", name)
            fields = {
                **({"batch_index": int(number[1])} if number else {}),
                **{"reasoning": "", "changelog_entries": []},
                **fields,
                "edits": [
                    {
                        **dict.fromkeys(PLACE_FIELDS, ""),
                        **e.model_dump(mode="json", exclude_defaults=True),
                    }
                    for e in patch.edits
                ],
            }
            write_json(self.folder / name, fields)

    def write_semantic(self, name: str, patch: Patch, codec: Codec) -> None:
        if self.readable:
            lines = ["===== PATCH START =====", "Reasoning:", patch.reasoning, "", "Changelog:"]
            lines += [f"- {note}" for note in patch.changelog_entries]
            lines += ["", "Items:", "", codec.render(patch, {}), "", "===== PATCH END =====", ""]
            write_whole(self.folder / name, "\n".join(lines))

    def _stored(self, name: str, key: str, parse: Callable[[str], T]) -> Talk[T] | None:
        try:
            value: Any = read_json(self.folder / CALLS / f"{name}.json")
            if value["key"] != key or not value["read"]:
                return None
            usage = Usage.model_validate(value["usage"])
            return Talk(parse(value["text"]), text=value["text"], usage=usage)
        except (ContractError, PatchFormatError, KeyError, TypeError, ValueError):
            return None  # not there, or of an older version: the call is made again

    def _save(self, name: str, key: str, messages: Sequence[Message], talk: Talk[T]) -> None:
        """The call file comes last: it says that the reply need not be paid for again."""
        turns = [turn.model_dump() for turn in talk.turns]
        said = _as_text([*(m.model_dump() for m in messages), *turns])
        if self.readable:
            write_whole(self.folder / prompt_sample(name), said)
        if talk.value is None:
            self.tally.unreadable += 1
            log.warning("%s: the reply cannot be read: %s", name, talk.complaint.split("\n")[0])
            if self.parse_failures:
                text = f"{said}\n## COMPLAINT\n\n{talk.complaint}\n"
                write_whole(self.parse_failures / f"{name.replace('/', '_')}.md", text)
        fields = {
            "key": key,
            "read": talk.value is not None,
            "text": talk.text,
            "complaint": talk.complaint if talk.value is None else "",
            "turns": turns,
            "usage": talk.usage.model_dump(),
        }
        write_json(self.folder / CALLS / f"{name}.json", fields)


def model_key(model: Model) -> str:
    """Everything about a model that decides its replies, as far as it says so."""
    known = {
        "name": getattr(model, "name", type(model).__name__),
        "parameters": getattr(model, "parameters", {}),
        "seed": getattr(model, "seed", None),
    }
    return json.dumps(known, sort_keys=True, default=str)


def prompt_sample(name: str) -> Path:
    """Where a call's prompt and reply lie to be read, below the intermediates."""
    phase, _, rest = name.replace("/", "_").partition("_")
    return Path("prompt_samples", phase, f"{'batch_' if phase == 'map' else ''}{rest}.md")


def _as_text(messages: Sequence[dict[str, Any]]) -> str:
    return "\n".join(f"## {m['role'].upper()}\n\n{m['content']}\n" for m in messages)

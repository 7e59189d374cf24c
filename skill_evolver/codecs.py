"""How a patch is written in a prompt and read back from a reply.

Reading is tolerant of wrapping and small slips. What stays unreadable is a PatchFormatError whose
text goes back to the model; the edits that were fine are kept in it for the last resort.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from pydantic import ValidationError

from react_agent.errors import FormatError
from react_agent.templates import Prompts
from skill_evolver.patch import Edit, ExactEdit, Patch, SemanticEdit
from skill_evolver.sections import outline

_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL | re.IGNORECASE)
_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
"""A string, or a comma after the last entry."""
_EDITS = re.compile(r'"edits"\s*:')
_BEGINNING = re.compile(r'\{\s*"(?:reasoning|edits|changelog_entries|dropped)"')
_SECOND = "The answer has a second patch, which cannot be read; send one."
_BRACKET = re.compile(r"[{\[]")
_BROKEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd]|\r(?!\n)")


class PatchFormatError(FormatError):
    """`partial` holds the edits of the reply that could be read."""

    def __init__(self, message: str, partial: Patch | None = None) -> None:
        super().__init__(message)
        self.partial = partial


@dataclass(frozen=True)
class Shown:
    """What a prompt says about an edit besides its words."""

    alias: str
    support: int


class Codec(Protocol):
    name: str
    format_template: str

    def parse(self, reply: str) -> Patch:
        """The one patch in `reply`; PatchFormatError says what to mend."""
        ...

    def render(self, patch: Patch, shown: Mapping[str, Shown]) -> str:
        """The edits of a patch, compact, with the ids and supports that a merge may refer to."""
        ...


@dataclass(frozen=True)
class JsonCodec:
    name = "json"
    format_template = "format/json.j2"

    def parse(self, reply: str) -> Patch:
        return _the_one([_json_patch(value) for value in _json_values(reply)])

    def render(self, patch: Patch, shown: Mapping[str, Shown]) -> str:
        return "\n".join(self._edit(edit, shown.get(edit.id)) for edit in patch.edits)

    @staticmethod
    def _edit(edit: Edit, shown: Shown | None) -> str:
        fields = edit.model_dump(
            exclude_defaults=True, exclude={"kind", "id", "sources", "title", "reason"}
        )
        if edit.title:
            fields["title"] = edit.title
        if edit.reason:
            fields["reason"] = edit.reason
        if shown:
            fields |= {"id": shown.alias, "support": shown.support}
        return json.dumps(fields, ensure_ascii=False)


@dataclass(frozen=True)
class MarkdownCodec:
    marker: Literal["bracket", "heading"] = "bracket"
    name = "markdown"
    format_template = "format/markdown.j2"

    def parse(self, reply: str) -> Patch:
        text = _THINKING.sub("", reply)
        parts = re.split(r"^.*={3,}\s*PATCH START\s*={3,}.*$", text, flags=re.MULTILINE)[1:]
        if not parts:
            raise PatchFormatError("No ===== PATCH START ===== ... ===== PATCH END ===== block.")
        found = []
        for part in parts:
            end = re.search(r"^.*={3,}\s*PATCH END\s*={3,}", part, re.MULTILINE)
            patch, wrong = _semantic_patch(part[: end.start()] if end else part, bool(end))
            if not end:
                wrong.append("A block has no ===== PATCH END =====; was the reply cut off?")
            found.append((patch, wrong))
        return _the_one(found)

    def render(self, patch: Patch, shown: Mapping[str, Shown]) -> str:
        lines: list[str] = []
        for number, edit in enumerate(patch.edits, start=1):
            assert isinstance(edit, SemanticEdit)
            note = shown.get(edit.id)
            lines.append(
                f"[ITEM_{number}_START]" if self.marker == "bracket" else f"### Item {number}"
            )
            if note:
                lines.append(f"Item Id: {note.alias} (support {note.support})")
            lines += [f"Target File: {edit.file}", f"Edit Intent: {edit.intent}"]
            lines += [f"Location Hint: {edit.location_hint or 'none'}", "Change Instruction:"]
            lines.append(edit.instruction)
        return "\n".join(lines)


def _the_one(found: Sequence[tuple[Patch, list[str]]]) -> Patch:
    """The patch of a reply. Of two that differ, one may be a draft: only its author knows."""
    own = [(p, wrong) for p, wrong in found if not p.edits or not all(map(_is_example, p.edits))]
    own = [entry for n, entry in enumerate(own) if entry not in own[:n]]
    if not own:
        raise PatchFormatError("That is the example of the format; send your own patch.")
    patch, wrong = own[-1]
    if len(own) > 1:
        wrong = [f"The answer has {len(own)} patches; send one block with all edits that hold."]
    damaged = [f"edit {n}: {why}" for n, e in enumerate(patch.edits, 1) if (why := _damage(e))]
    if wrong or damaged:
        sound = patch.with_edits([e for e in patch.edits if not _damage(e)])
        raise PatchFormatError("\n".join([*wrong, *damaged]), sound)
    return patch


def _is_example(edit: Edit) -> bool:
    """Whether an edit is the one that the prompt shows, or has a gap of it left open."""
    texts = edit.model_dump(include={"content", "target_section", "title", "instruction"})
    return any(str(text).strip("-# ") in _gaps() for text in texts.values())


@lru_cache
def _gaps() -> frozenset[str]:
    """What stands in angle brackets in the formats that the prompts show."""
    shown = Prompts("skill_evolver").sources()
    formats = "\n".join(text for name, text in shown.items() if name.startswith("format/"))
    return frozenset(re.findall(r"<[^<>]+>", formats))


def _damage(edit: Edit) -> str:
    """Why the text of an edit cannot be what its author meant."""
    if _is_example(edit):
        return "a gap of the format's example is not filled in"
    texts = edit.model_dump(exclude={"sources", "id"}).values()
    if any(_BROKEN.search(text) for text in texts if isinstance(text, str)):
        return "holds control characters or characters that were lost on the way"
    if isinstance(edit, ExactEdit) and edit.op != "replace_in_section":
        return "opens a code fence and never closes it" if outline(edit.content).open_fence else ""
    return ""


def _json_values(reply: str) -> list[Any]:
    """The JSON patches of a reply, fenced or bare.

    Only what costs no word is mended: a comma too many, the last bracket missing. A library that
    repairs more closes strings where it thinks best, and text is lost without a word.
    """
    text = _THINKING.sub("", reply).strip()
    if not text:
        raise PatchFormatError("The reply was empty.")
    values, rest, position = [], "", 0
    while start := _BRACKET.search(text, position):
        try:
            value, end = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            value = None
        if _is_patch(value):
            values.append(value)
            rest += text[position : start.start()]
        else:
            end = start.end()
            rest += text[position:end]
        position = end
    rest += text[position:]
    if not values:
        return [_mended(text)]
    if _EDITS.search(rest):
        raise PatchFormatError(_SECOND)
    return values


def _mended(text: str) -> Any:
    start = _BEGINNING.search(text) or re.search(r"\{", text)
    if not start:
        raise PatchFormatError('No JSON object with "edits" in the reply.')
    body, *rest = re.split(r"^`{3,}", text[start.start() :], maxsplit=1, flags=re.MULTILINE)
    if any(_EDITS.search(part) for part in rest):
        raise PatchFormatError(_SECOND)
    if not _whole(body):
        raise PatchFormatError("The JSON is cut off before its end; send it whole.")
    body = _COMMA.sub(lambda m: m[0] if m[0][0] == '"' else "", body)
    try:
        value = _DECODER.decode(body)
    except RecursionError:
        value = None
    except ValueError as error:
        try:
            value = _DECODER.decode(f"{body}}}")
        except (ValueError, RecursionError):
            at = getattr(error, "pos", 0)
            near = f", near {body[max(0, at - 40) : at + 20]!r}" if at else ""
            raise PatchFormatError(f"The JSON cannot be read: {error}{near}.") from None
    if not _is_patch(value):
        raise PatchFormatError('The JSON cannot be read as {"reasoning", "edits", ...}.')
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("an object has one key twice")
    return dict(pairs)


def _whole(text: str) -> bool:
    """Whether JSON ends where its author meant to end: outside a string, with at most the very
    last bracket forgotten. Repairing more would turn half an edit into a whole one."""
    depth, inside, escaped = 0, False, False
    for character in text:
        if escaped:
            escaped = False
        elif inside:
            escaped, inside = character == "\\", character != '"'
        elif character == '"':
            inside = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
    return not inside and depth <= 1 and text.rstrip().endswith(("}", "]"))


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_no_key_twice)


def _is_patch(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(v, dict) and "edits" in v for v in value)
    return isinstance(value, dict) and "edits" in value


def _json_patch(value: Any) -> tuple[Patch, list[str]]:
    if isinstance(value, list):
        read = [_json_patch(v) for v in value]
        return _together([p for p, _ in read]), [c for _, cs in read for c in cs]
    raw, wrong = value.get("edits"), []
    if not isinstance(raw, list):
        return Patch(), ['"edits" has to be a list of edits.']
    edits: list[ExactEdit] = []
    for number, entry in enumerate(raw, start=1):
        try:
            edits.append(ExactEdit.model_validate(entry))
        except ValidationError as error:
            wrong.append(f"edits[{number}]: {_says(error)}")
    try:
        patch = Patch.model_validate({**value, "edits": [], **_notes(value)})
    except ValidationError as error:
        wrong.append(_says(error))
        patch = Patch()
    return patch.with_edits(tuple(edits)), wrong


def _notes(value: Mapping[str, Any]) -> dict[str, Any]:
    """The parts a patch can do without are dropped when they are malformed."""
    entries, dropped = value.get("changelog_entries"), value.get("dropped")
    reasoning = value.get("reasoning")
    return {
        "reasoning": reasoning if isinstance(reasoning, str) else "",
        "changelog_entries": [e for e in entries if isinstance(e, str)]
        if isinstance(entries, list)
        else [],
        "dropped": [d for d in dropped if isinstance(d, dict) and "id" in d]
        if isinstance(dropped, list)
        else [],
    }


def _says(error: ValidationError) -> str:
    parts = []
    for entry in error.errors()[:3]:
        where = ".".join(str(p) for p in entry["loc"] if p != "exact")
        parts.append(f"{where}: {entry['msg']}" if where else entry["msg"])
    return "; ".join(parts)


def _together(patches: list[Patch]) -> Patch:
    if len(patches) == 1:
        return patches[0]
    return Patch(
        reasoning="\n".join(p.reasoning for p in patches if p.reasoning),
        edits=tuple(e for p in patches for e in p.edits),
        changelog_entries=tuple(n for p in patches for n in p.changelog_entries),
        dropped=tuple(d for p in patches for d in p.dropped),
    )


_ITEM = re.compile(r"^[ \t]*(?:\[ITEM_\d+_START\]|#{1,5} Item \d+:?)[^\n]*$", re.MULTILINE)
_FIELD = re.compile(
    r"^[ \t*]*(Item Id|Sources|Title|Target File|Edit Intent|Location Hint)[ *]*:[ *]*(.*)$",
    re.MULTILINE | re.IGNORECASE,
)
_CHANGE = re.compile(r"^[ \t*]*Change Instruction[ *]*:[ *]*\n?", re.MULTILINE | re.IGNORECASE)
_NAMES = {
    "sources": "sources",
    "title": "title",
    "target file": "file",
    "edit intent": "intent",
    "location hint": "location_hint",
}


def _semantic_patch(block: str, complete: bool) -> tuple[Patch, list[str]]:
    starts = list(_ITEM.finditer(block))
    head = block[: starts[0].start()] if starts else block
    edits, wrong = [], []
    ends = [*(m.start() for m in starts[1:]), len(block)][: len(starts)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        if not complete and end == len(block):
            break  # the last item of a cut reply may be half an item
        try:
            edits.append(_semantic_item(block[start.end() : end]))
        except ValidationError as error:
            wrong.append(f"Item {number}: {_says(error)}")
    if not starts and not re.search(r"^[ \t]*Items:\s*none", block, re.MULTILINE | re.IGNORECASE):
        wrong.append("A block has no item.")
    reasoning, _, rest = re.sub(r"\A\s*Reasoning:\s*", "", head).partition("Changelog:")
    notes = tuple(re.findall(r"^\s*[-*] (.+)$", rest.split("Dropped:")[0], re.MULTILINE))
    refused = [
        {"id": name, "reason": reason}
        for name, reason in re.findall(
            r"^\s*[-*] ([\w.]+): (.+)$", rest.partition("Dropped:")[2], re.MULTILINE
        )
    ]
    fields = {"reasoning": reasoning.strip(), "changelog_entries": notes, "dropped": refused}
    return Patch.model_validate(fields).with_edits(tuple(edits)), wrong


def _semantic_item(text: str) -> SemanticEdit:
    change = _CHANGE.search(text)
    head = text[: change.start()] if change else text
    fields: dict[str, Any] = {
        _NAMES[name.lower()]: value.strip()
        for name, value in _FIELD.findall(head)
        if name.lower() in _NAMES
    }
    body = text[change.end() :] if change else ""
    body = re.sub(r"^\s*\[ITEM_\d+_END\]\s*$", "", body, flags=re.MULTILINE).strip()
    return SemanticEdit.model_validate({**fields, **({"instruction": body} if body else {})})

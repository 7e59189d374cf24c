"""How a patch is written in a prompt and read back from a reply.

Reading is tolerant of wrapping and small slips. What stays unreadable is a PatchFormatError whose
text goes back to the model; the edits that were fine are kept in it for the last resort.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from json_repair import repair_json
from pydantic import ValidationError

from react_agent.errors import FormatError
from skill_evolver.patches.patch import Edit, ExactEdit, Patch, SemanticEdit
from skill_evolver.patches.places import outline

_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(`{3,})[^\n`]*\n(.*?)\n[ \t]*\1`*[ \t]*$", re.DOTALL | re.MULTILINE)
_DECODER = json.JSONDecoder(strict=False)


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
        """The patch in `reply`, several being put together; PatchFormatError says what to mend."""
        ...

    def render(self, patch: Patch, shown: Mapping[str, Shown]) -> str:
        """The edits of a patch, compact, with the ids and supports that a merge may refer to."""
        ...


@dataclass(frozen=True)
class JsonCodec:
    name = "json"
    format_template = "format/json.j2"

    def parse(self, reply: str) -> Patch:
        values = _json_values(reply)
        patches, wrong = [], []
        for value in values:
            patch, complaints = _json_patch(value)
            patches.append(patch)
            wrong += complaints
        patch = _together(patches)
        if wrong:
            raise PatchFormatError("\n".join(wrong), patch)
        return patch

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
        patches, wrong = [], []
        for part in parts:
            end = re.search(r"^.*={3,}\s*PATCH END\s*={3,}", part, re.MULTILINE)
            if not end:
                wrong.append("A block has no ===== PATCH END =====; was the reply cut off?")
            patch, complaints = _semantic_patch(part[: end.start()] if end else part, bool(end))
            patches.append(patch)
            wrong += complaints
        patch = _together(patches)
        if wrong:
            raise PatchFormatError("\n".join(wrong), patch)
        return patch

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


def _json_values(reply: str) -> list[Any]:
    """The JSON patches of a reply, fenced or bare, mended where the meaning is plain."""
    text = _THINKING.sub("", reply).strip()
    if not text:
        raise PatchFormatError("The reply was empty.")
    found = [_decode(m[2]) for m in _FENCE.finditer(text) if m[2].lstrip()[:1] in ("{", "[")]
    values = [v for v in found if _is_patch(v)]
    if values:
        return values
    for start in (m.start() for m in re.finditer(r"[{\[]", text)):
        try:
            value, _ = _DECODER.raw_decode(text[start:])
        except ValueError:
            continue
        if _is_patch(value):
            return [value]
    first = text.find("{")
    body = re.sub(r"\s*^`{3,}.*\Z", "", text[first:], flags=re.DOTALL | re.MULTILINE)
    body = body if first >= 0 else ""
    if not body:
        raise PatchFormatError('No JSON object with "edits" in the reply.')
    if not _whole(body):
        raise PatchFormatError("The JSON is cut off before its end; send it whole.")
    value = repair_json(body, return_objects=True)
    if not _is_patch(value):
        raise PatchFormatError('The JSON cannot be read as {"reasoning", "edits", ...}.')
    return [value]


def _decode(text: str) -> Any:
    try:
        return _DECODER.decode(text.strip())
    except ValueError:
        return repair_json(text, return_objects=True) if _whole(text) else None


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
            edit = ExactEdit.model_validate(entry)
        except ValidationError as error:
            wrong.append(f"edits[{number}]: {_says(error)}")
            continue
        edits.append(edit)
        if edit.op != "replace_in_section" and outline(edit.content).open_fence:
            wrong.append(f"edits[{number}]: content opens a code fence and never closes it")
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

"""Replies as models really write them, and the rounds until one can be read."""

import asyncio
import contextlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from react_agent.model import Message, Reply, ScriptedModel
from skill_evolver.engine.asking import PROMPTS, ask
from skill_evolver.patches.codecs import Codec, JsonCodec, MarkdownCodec, PatchFormatError, Shown
from skill_evolver.patches.patch import ExactEdit, Patch, SemanticEdit

FIELDS = {
    "file": "SKILL.md",
    "op": "append_to_section",
    "target_section": "## Write",
    "content": "- Use `{braces}`:\n```python\nx = {'a': 1}\n```",
}
PATCH = {"reasoning": "Because.", "edits": [FIELDS], "changelog_entries": ["One"]}
TEXT = json.dumps(PATCH)
WAYS = {
    "bare": TEXT,
    "fenced": f"```json\n{TEXT}\n```",
    "upper case fence": f"```JSON\n{json.dumps(PATCH, indent=2)}\n```",
    "after a sentence": f"Here it is: {TEXT} I hope it helps.",
    "after thinking": f'<think>{{"edits": 1}}</think>\n```json\n{TEXT}\n```',
    "prose around a fence": f"First I thought {{so}}.\n\n```\n{TEXT}\n```\nDone.",
    "raw line breaks": TEXT.replace("\\n", "\n"),
    "trailing comma": TEXT[:-1] + ",}",
    "single item list": f"[{TEXT}]",
    "missing last brace of a fence": f"```json\n{TEXT}",
    "other names": TEXT.replace('"file"', '"path"').replace("append_to_section", "append"),
}


@pytest.mark.parametrize("way", WAYS)
def test_json_is_read_however_it_is_wrapped(way: str) -> None:
    patch = JsonCodec().parse(WAYS[way])
    [edit] = patch.edits
    assert isinstance(edit, ExactEdit)
    assert (edit.op, edit.content) == ("append_to_section", FIELDS["content"])


def test_one_patch_said_twice_is_one_patch() -> None:
    patch = JsonCodec().parse(f"```json\n{TEXT}\n```\nand\n```json\n{TEXT}\n```")
    assert len(patch.edits) == 1


EXAMPLE = re.findall(r"```json\n(.*?)\n```", PROMPTS.render("format/json.j2"), re.DOTALL)[0]
OTHER = TEXT.replace("Because", "No, rather because").replace("braces", "brackets")
SEMANTIC_TEXT = (
    "===== PATCH START =====\nReasoning: x\nItems:\n[ITEM_1_START]\nTarget File: SKILL.md\n"
    "Edit Intent: add\nChange Instruction:\n{}\n===== PATCH END =====\n"
)


@pytest.mark.parametrize(
    ("codec", "reply", "complaint"),
    [
        (JsonCodec(), f"Idea:\n```json\n{OTHER}\n```\nFinal:\n```json\n{TEXT}\n```", "2 patches"),
        (JsonCodec(), f"Idea: {OTHER} Final: {TEXT}", "2 patches"),
        (JsonCodec(), f"```json\n{OTHER[:-1]}\n\n```\n```json\n{TEXT}\n```", "second patch"),
        (JsonCodec(), f"```json\n{OTHER[:-1]},}}\n```\n```json\n{TEXT[:-1]},}}\n```", "second"),
        (JsonCodec(), EXAMPLE, "example"),
        (JsonCodec(), TEXT.replace("## Write", "## <a heading as it stands>"), "example"),
        (JsonCodec(), TEXT.replace("Use `", 'Treat "N/A", "n/a" and `'), "cannot be read"),
        (JsonCodec(), TEXT.replace("Use `", 'Never write "TOTAL", "SUM": `'), "cannot be read"),
        (JsonCodec(), TEXT.replace("Use `", 'Join by "," and `'), "cannot be read"),
        (JsonCodec(), TEXT.replace("Use `", r"Match \d and `"), "cannot be read"),
        (JsonCodec(), TEXT.replace('"op"', '"content": "- Lost.", "op"'), "key twice"),
        (JsonCodec(), TEXT.replace("Use `", r"Use\u0000 `"), "control characters"),
        (JsonCodec(), TEXT.replace("Use `", r"Use \ud83d `"), "control characters"),
        (JsonCodec(), TEXT.replace("Use `", "Use \ufffd `"), "control characters"),
        (JsonCodec(), TEXT.replace(r'\n```"', '"'), "never closes"),
        (MarkdownCodec(), SEMANTIC_TEXT.format("- A.") + SEMANTIC_TEXT.format("- B."), "2 patches"),
        (MarkdownCodec(), PROMPTS.render("format/markdown.j2", marker="bracket"), "example"),
        (MarkdownCodec(), SEMANTIC_TEXT.format("- A\0B"), "control characters"),
    ],
)  # fmt: skip
def test_text_that_may_be_damaged_is_sent_back(codec: Codec, reply: str, complaint: str) -> None:
    assert reply != TEXT
    with pytest.raises(PatchFormatError, match=complaint):
        codec.parse(reply)


def test_the_example_of_the_format_is_not_the_patch_beside_it() -> None:
    patch = JsonCodec().parse(f"As asked:\n```json\n{EXAMPLE}\n```\nMine:\n```json\n{TEXT}\n```")
    assert [e.words for e in patch.edits] == [FIELDS["content"]]


@given(st.integers(12, len(TEXT) - 2), st.sampled_from(["```json\n", "```JSON\n"]))
@settings(max_examples=60, deadline=None)
def test_a_continuation_that_opens_the_fence_again_brings_no_fence(cut: int, fence: str) -> None:
    first = Reply(text=f"```json\n{TEXT[:cut]}", finish="length")
    _, patch = talk(first, f"{fence}{TEXT[cut:]}\n```", TEXT)
    assert patch
    assert [e.words for e in patch.edits] == [FIELDS["content"]]


def test_fine_edits_survive_their_neighbours() -> None:
    with pytest.raises(PatchFormatError, match=r"edits\[2\]: op") as caught:
        JsonCodec().parse(json.dumps({"edits": [FIELDS, {**FIELDS, "op": "shout"}]}))
    assert caught.value.partial
    assert len(caught.value.partial.edits) == 1


@given(st.integers(1, len(TEXT) - 1))
@settings(max_examples=80, deadline=None)
def test_a_cut_reply_never_yields_half_an_edit(position: int) -> None:
    try:
        patch = JsonCodec().parse("```json\n" + TEXT[:position])
    except PatchFormatError:
        return
    assert all(isinstance(e, ExactEdit) and e.content == FIELDS["content"] for e in patch.edits)


SEMANTIC = SemanticEdit(
    file="references/a.md, SKILL.md",
    intent="Explain dates",
    location_hint="In section ## Write",
    instruction="Create references/a.md with:\n# Dates\n\nTarget File: is a word here.",
)


@pytest.mark.parametrize("codec", [MarkdownCodec(), MarkdownCodec("heading"), JsonCodec()])
def test_what_a_codec_shows_it_reads(codec: Codec) -> None:
    edit = SEMANTIC if codec.name == "markdown" else ExactEdit.model_validate(FIELDS)
    edit = edit.model_copy(update={"id": "m1"})
    shown = codec.render(Patch(edits=(edit, edit)), {"m1": Shown("p1.e1", 3)})
    assert shown.count("p1.e1") == 2
    if codec.name == "json":
        shown = '{"edits": [' + ",".join(shown.splitlines()) + "]}"
    else:
        shown = f"===== PATCH START =====\nItems:\n{shown}\n===== PATCH END ====="
    read = codec.parse(shown)
    assert [e.words for e in read.edits] == [edit.words] * 2


def test_an_unclosed_block_keeps_only_its_whole_items() -> None:
    items = MarkdownCodec().render(Patch(edits=(SEMANTIC, SEMANTIC)), {})
    with pytest.raises(PatchFormatError, match="PATCH END") as caught:
        MarkdownCodec().parse(f"===== PATCH START =====\nItems:\n{items}")
    assert caught.value.partial
    assert len(caught.value.partial.edits) == 1


def test_nothing_to_say_is_an_answer() -> None:
    assert JsonCodec().parse('{"reasoning": "x", "edits": []}').edits == ()
    text = "===== PATCH START =====\nReasoning: x\nItems: none\n===== PATCH END ====="
    assert MarkdownCodec().parse(text).edits == ()


@given(st.text())
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    for codec in (JsonCodec(), MarkdownCodec()):
        for dressed in (text, f"```json\n{text}\n```", f"===== PATCH START =====\n{text}"):
            with contextlib.suppress(PatchFormatError):
                assert isinstance(codec.parse(dressed), Patch)


def talk(*replies: str | Reply) -> tuple[ScriptedModel, Patch | None]:
    model = ScriptedModel(*replies)
    found = asyncio.run(ask(model, [Message(role="user", content="go")], JsonCodec().parse))
    return model, found.value


def test_a_reply_cut_off_is_continued_and_joined() -> None:
    whole = f"```json\n{TEXT}\n```"
    model, patch = talk(
        Reply(text=whole[:40], finish="length"),
        Reply(text=whole[25:90], finish="length"),  # repeats its last words
        whole[90:],
    )
    assert patch
    assert len(patch.edits) == 1
    assert "cut off" in model.asked[1][-1].content


def test_a_bad_reply_is_sent_back_with_the_reason() -> None:
    model, patch = talk("I cannot.", json.dumps({"edits": [{"file": "SKILL.md", "op": "x"}]}), TEXT)
    assert patch
    assert 'No JSON object with "edits"' in model.asked[1][-1].content
    assert "edits[1]: op" in model.asked[2][-1].content


def test_after_two_rounds_it_is_over() -> None:
    model, patch = talk("a", "b", "c", TEXT)
    assert patch is None
    assert len(model.asked) == 3

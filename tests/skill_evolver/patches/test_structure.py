"""An edit changes no block that it does not name, wherever it lands and whatever it brings."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from project import SHARED

from skill_evolver.patches.apply import apply_edits, from_files, to_files
from skill_evolver.patches.codecs import JsonCodec, PatchFormatError
from skill_evolver.patches.patch import ExactEdit

REAL = SHARED / "real_replies"
SKILL = """---
name: x
description: Sheets
---

# Sheets

Lead one.
Lead two.

## Steps
1. Read alpha.
2. Load beta.
   More of beta.
   - Detail gamma.
   - Detail delta.

   ```python
   beta = load()
   ```
3. Save epsilon.

## Rules

- Rule zeta.
  - Under zeta.
- Rule eta.

| name | use |
|---|---|
| theta | one |
| iota | two |

### Deeper

Kappa text.

## Example
```python
import openpyxl
for row in rows:
    use(row)
book.save("out.xlsx")
```

```yaml
- lambda
- mu
```

## Last

> Quoted nu.

Final xi.
"""
PARSER = MarkdownIt("commonmark").enable("table")
Fact = tuple[str, tuple[str, ...], tuple[str, ...], str]


def facts(text: str) -> list[Fact]:
    """Every block: its kind, headings, holders and words, read without the project's own code."""
    body = text.split("---\n", 2)[2]
    found: list[Fact] = []
    heads: list[tuple[str, int]] = []
    holders: list[str] = []
    tokens = PARSER.parse(body)
    for number, token in enumerate(tokens):
        if token.type == "list_item_open":
            holders.append(f"{token.markup}{tokens[number + 2].content.split(chr(10))[0]}")
        elif token.type == "blockquote_open":
            holders.append(">")
        elif token.type in ("list_item_close", "blockquote_close"):
            holders.pop()
        elif token.type == "heading_open" and token.level == 0:
            heads = [h for h in heads if h[1] < int(token.tag[1:])]
            heads.append((tokens[number + 1].content, int(token.tag[1:])))
        elif token.type in ("inline", "fence", "code_block", "table_open"):
            if token.type == "inline" and tokens[number - 1].type in ("th_open", "td_open"):
                continue
            kind = tokens[number - 1].type if token.type == "inline" else token.type
            path = tuple(f"{level} {name}" for name, level in heads)
            text = f"```{token.info}\n{token.content}" if kind == "fence" else token.content
            if token.type == "table_open" and token.map:
                rows = body.split("\n")[slice(*token.map)]
                text = "\n".join(row.strip().lstrip("| ") for row in rows)
            found.append((kind, path, tuple(holders), text))
    return found


def lists(text: str) -> list[list[str]]:
    """The first lines of the items of every list."""
    found: list[list[str]] = []
    open_lists: list[list[str]] = []
    tokens = PARSER.parse(text.split("---\n", 2)[2])
    for number, token in enumerate(tokens):
        if token.type.endswith("list_open"):
            open_lists.append([])
        elif token.type == "list_item_open":
            open_lists[-1].append(tokens[number + 2].content.split("\n")[0])
        elif token.type.endswith("list_close"):
            found.append(open_lists.pop())
    return found


LINES = [line for line in SKILL.split("\n")[5:] if line.strip(" `|-")]
NEW = {
    "item": "- NEW item.",
    "two items": "- NEW one.\n- NEW two.",
    "star": "* NEW star.",
    "number": "4. NEW number.",
    "sentence": "NEW sentence that says something.",
    "indented": "   NEW and indented.",
    "comment": "# NEW comment",
    "statement": "NEW_value = 1",
    "row": "| NEW | row |",
    "high section": "# NEW title\n\nNEW text.",
    "section": "## NEW section\n\nNEW text.",
    "low section": "#### NEW low\n\n- NEW text.",
    "code": "```python\nNEW = 1\n```",
    "quote": "> NEW quote.",
    "rule": "---",
    "underline": "NEW text\n===",
    "comment of html": "<!-- NEW",
    "closes and opens": "NEW = 1\n```\n\nNEW text.\n\n```python\nNEW = 2",
    "open": "```python\nNEW = 1",
}
SECTIONS = ["# Sheets", "## Steps", "## Rules", "### Deeper", "## Example", "## Last"]


@st.composite
def additions(draw: st.DrawFn) -> ExactEdit:
    op = draw(
        st.sampled_from(["insert_after", "insert_before", "append_to_section", "add_section"])
    )
    content = draw(st.sampled_from(sorted(NEW.values())))
    fields = {"target_text": draw(st.sampled_from(LINES))}
    if op == "append_to_section":
        fields = {"target_section": draw(st.sampled_from(SECTIONS))}
    if op == "add_section":
        name = draw(st.sampled_from(["# NEW head", "## NEW head", "### NEW head"]))
        fields = {"target_section": name, "after_section": draw(st.sampled_from(["", *SECTIONS]))}
    return ExactEdit.model_validate({"file": "SKILL.md", "op": op, "content": content, **fields})


def carried_out(*edits: ExactEdit, skill: str = SKILL) -> tuple[str, list[str]]:
    named = [e.model_copy(update={"id": f"e{n}"}) for n, e in enumerate(edits)]
    applied = apply_edits(from_files({"SKILL.md": skill}), named)
    return to_files(applied.document)["SKILL.md"], [why.rule for _, why in applied.left]


def unharmed(before: str, after: str, named: set[str]) -> None:
    """All blocks but those that hold a named line are there, the same and in the same order."""
    there = facts(after)
    for fact in facts(before):
        if not any(line in fact[3].split("\n") for line in named):
            assert fact in there, fact
            there = there[there.index(fact) + 1 :]
    homes = {item: n for n, items in enumerate(lists(after)) for item in items}
    for items in lists(before):
        assert len({homes[item] for item in items if item in homes}) == 1, items


def words_of(edit: ExactEdit) -> set[str]:
    lines = f"{edit.target_text}\n{edit.old_text}".split("\n")
    return {w for x in lines for w in (x.strip(), x.strip().lstrip("-|>#0123456789. ")) if w}


@settings(max_examples=400, deadline=None)
@given(st.lists(additions(), min_size=1, max_size=4))
def test_what_is_added_changes_no_block_that_it_does_not_name(edits: list[ExactEdit]) -> None:
    after, _ = carried_out(*edits)
    names = {w for e in edits for w in words_of(e)}
    code = {line for f in facts(SKILL) if f[0] == "fence" for line in f[3].split("\n")}
    in_code = names & {line.strip() for line in code}
    unharmed(SKILL, after, names | (code if in_code else set()))
    for line in SKILL.split("\n"):
        assert after.split("\n").count(line) >= SKILL.split("\n").count(line) or not line.strip()
    titles = [path[-1] for kind, path, _, _ in facts(after) if kind == "heading_open"]
    assert all(name[0] != "1" or name == "1 Sheets" for name in titles)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(LINES) - 1), st.sampled_from(sorted(NEW.values())), st.booleans())
def test_what_is_replaced_changes_no_block_that_it_does_not_name(
    number: int, content: str, whole: bool
) -> None:
    old = LINES[number]
    edit = ExactEdit(
        file="SKILL.md", op="replace_in_section", old_text=old, content=content if whole else ""
    )
    after, _ = carried_out(edit)
    names = words_of(edit)
    before = [f for f in facts(SKILL) if not any(n in "".join([*f[1], *f[2]]) for n in names)]
    there = facts(after)
    for fact in before:
        held = {line.strip() for line in fact[3].split("\n")}
        if not held & names:
            assert fact in there, fact


def test_a_comment_for_the_code_goes_into_the_code() -> None:
    edit = ExactEdit(
        file="SKILL.md",
        op="insert_after",
        target_text='book.save("out.xlsx")',
        content="# not done yet: look at the file again",
    )
    after, left = carried_out(edit)
    assert left == []
    assert 'book.save("out.xlsx")\n# not done yet: look at the file again\n```\n' in after
    unharmed(SKILL, after, {edit.target_text})


@pytest.mark.parametrize(
    ("line", "content", "wanted"),
    [
        ("for row in rows:", "see(row)", "for row in rows:\n    see(row)\n    use(row)\n"),
        ("import openpyxl", "import json", "import openpyxl\nimport json\nfor"),
        ("- lambda", "- NEW", "- lambda\n- NEW\n- mu\n```"),
        ("import openpyxl", "Say what it is for.", "```\n\nSay what it is for.\n\n```yaml"),
        ("1. Read alpha.", "Why it matters.", "1. Read alpha.\n   Why it matters.\n2."),
        ("- Rule zeta.", "- NEW rule.", "  - Under zeta.\n- NEW rule.\n- Rule eta.\n"),
        ("- Rule zeta.", "* NEW rule.", "  - Under zeta.\n- NEW rule.\n- Rule eta.\n"),
        ("| theta | one |", "| NEW | x |", "| theta | one |\n| NEW | x |\n| iota"),
        ("| theta | one |", "Read it well.", "| iota | two |\n\nRead it well.\n\n### Deeper"),
        ("Lead one.", "### More\n\nText.", "Lead two.\n\n### More\n\nText.\n\n## Steps"),
        ("   beta = load()", "beta.look()", "   beta = load()\n   beta.look()\n   ```\n3."),
    ],
)
def test_content_is_fitted_to_its_place_where_the_meaning_is_plain(
    line: str, content: str, wanted: str
) -> None:
    edit = ExactEdit(file="SKILL.md", op="insert_after", target_text=line, content=content)
    after, left = carried_out(edit)
    assert (left, wanted in after) == ([], True), after


@pytest.mark.parametrize(
    ("op", "place", "content"),
    [
        ("insert_after", "Final xi.", "# NEW title\n\nText."),
        ("insert_after", "Final xi.", "### NEW alone"),
        ("append_to_section", "## Last", "# only a comment"),
        ("insert_after", "Kappa text.", "<!-- NEW"),
        ("insert_before", "- Rule eta.", "NEW text of no item."),
        ("insert_after", "import openpyxl", "say what it is for"),
    ],
)
def test_what_is_not_plain_is_asked_about(op: str, place: str, content: str) -> None:
    fields = {"file": "SKILL.md", "op": op, "content": content}
    edit = ExactEdit.model_validate({**fields, "target_text": place, "target_section": place}
                                    if op != "append_to_section"
                                    else {**fields, "target_section": place})  # fmt: skip
    after, left = carried_out(edit)
    assert (after, left) == (SKILL, ["structure"])


def test_headings_go_below_the_section_that_they_are_appended_to() -> None:
    edit = ExactEdit(
        file="SKILL.md",
        op="append_to_section",
        target_section="## Steps",
        content="# NEW\n\nText.\n\n## Part\n\nMore.",
    )
    assert "### NEW\n\nText.\n\n#### Part\n\nMore.\n\n## Rules" in carried_out(edit)[0]


def test_content_that_leaves_a_fence_open_is_sent_back() -> None:
    edit = {"file": "SKILL.md", "op": "append_to_section", "target_section": "## Last"}
    text = json.dumps({"edits": [{**edit, "content": NEW["open"]}]})
    with pytest.raises(PatchFormatError, match="never closes"):
        JsonCodec().parse(text)


def test_two_edits_that_are_sound_alone_do_not_harm_together() -> None:
    one = ExactEdit(file="SKILL.md", op="insert_after", target_text="- Rule eta.", content="* A")
    two = ExactEdit(file="SKILL.md", op="insert_after", target_text="- Rule eta.", content="- B")
    unharmed(SKILL, carried_out(one, two)[0], set())


def test_the_edits_of_a_real_merge_change_only_what_they_name() -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL.name} is not at ../shared/data")
    base = json.loads((REAL / "evolved_skill" / "provenance.json").read_text())["base"]["SKILL.md"]
    patches = sorted((REAL / "evolved_skill").rglob("*.json"))
    for file in (p for p in patches if p.name.startswith(("patch_", "merged_", "final_"))):
        patch = JsonCodec().parse(file.read_text())
        edits = [e for e in patch.edits if isinstance(e, ExactEdit) and e.file == "SKILL.md"]
        after, left = carried_out(*edits, skill=base)
        assert set(left) <= {"overlap", "anchor"}, file.name
        unharmed(base, after, {w for e in edits for w in words_of(e)})
        headings = [f for f in facts(after) if f[0] == "heading_open"]
        assert not any("not done yet" in f[3] for f in headings), file.name


def test_real_replies_are_read_whole() -> None:
    file = REAL / "evo_err.cassette.jsonl"
    if not file.is_file():
        pytest.skip(f"{REAL.name} is not at ../shared/data")
    texts = [json.loads(line).get("reply", {}).get("text") for line in file.open()]
    replies = [text for text in texts if text]
    assert len(replies) == 14
    for reply in replies:
        block = reply[reply.index("{") : reply.rindex("}") + 1]
        wanted = [entry["content"] for entry in json.loads(block)["edits"] if "content" in entry]
        assert [e.words for e in JsonCodec().parse(reply).edits] == wanted

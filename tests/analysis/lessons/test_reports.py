"""Reports as models write them: every way they bend the format is read, nothing is lost."""

import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.lessons.reports import best_report, parse_report
from react_agent.errors import FormatError

ERROR = """# Failure Cause Item 1

## Title
Looked in the wrong sheet

## Description
The first sheet was taken for granted.

## Content
It read `Summary`, where the list is in `Data`.

## Relation to Skill
The skill does not say to list the sheets.

# Failure Memory Item 1

## Title
List the sheets first

## Description
Before the first edit.

## Content
Print every sheet's name and size.
"""


def types_and_titles(text, kind="error"):
    return [(i.type, i.number, i.title) for i in parse_report(text, kind).items]


PLAIN = [
    ("failure_cause", 1, "Looked in the wrong sheet"),
    ("failure_memory", 1, "List the sheets first"),
]


def test_the_format_that_the_prompts_ask_for():
    report = parse_report(ERROR, "error")
    cause, memory = report.items
    assert cause.description == "The first sheet was taken for granted."
    assert cause.content == "It read `Summary`, where the list is in `Data`."
    assert cause.relation_to_skill == "The skill does not say to list the sheets."
    assert memory.skill_reflection == ""
    assert report.rest == ""
    assert report.notes == ()


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda t: re.sub("^#", "###", t, flags=re.M), id="deeper headings"),
        pytest.param(lambda t: re.sub("^#+ (.*)$", r"**\1**", t, flags=re.M), id="bold"),
        pytest.param(lambda t: re.sub("^#+ (.*)$", r"**\1:**", t, flags=re.M), id="bold, colon"),
        pytest.param(lambda t: re.sub("^(#+) (.*)$", r"\1 \2 \1", t, flags=re.M), id="closed"),
        pytest.param(lambda t: re.sub("^(#+) ", r"\1", t, flags=re.M), id="no space"),
        pytest.param(lambda t: re.sub("^", "> ", t, flags=re.M), id="quoted"),
        pytest.param(lambda t: f"```markdown\n{t}```", id="fenced"),
        pytest.param(lambda t: f"~~~~\n{t}~~~~\n", id="fenced with tildes"),
        pytest.param(lambda t: f"```markdown\n{t}", id="fence never closed"),
        pytest.param(lambda t: f"<think>\n{t.replace('wrong', 'W')}\n</think>\n{t}", id="thinking"),
        pytest.param(lambda t: f"<think>\n{t}", id="thinking never closed"),
        pytest.param(lambda t: f"Thought: done.\n\n{t}\nACTION: TASK_COMPLETE", id="signal"),
        pytest.param(lambda t: t.replace("\n", "\r\n"), id="line ends"),
        pytest.param(str.upper, id="upper case"),
        pytest.param(lambda t: t.replace(" Item", "_item"), id="underscore"),
        pytest.param(lambda t: t.replace("Item 1", "Item #1"), id="hash number"),
        pytest.param(lambda t: re.sub("## (.*)\n", r"- **\1**: ", t), id="list of fields"),
    ],
)
def test_bent_formats_give_the_same_items(bend):
    found = [(t, n, title.lower()) for t, n, title in types_and_titles(bend(ERROR))]
    assert found == [(t, n, title.lower()) for t, n, title in PLAIN]


def test_title_on_the_heading_line():
    text = "## Failure Cause Item 2: Wrong sheet\nIt took the first one.\n"
    (item,) = parse_report(text, "error").items
    assert (item.number, item.title, item.content) == (2, "Wrong sheet", "It took the first one.")


def test_numbers_given_twice_or_not_at_all_become_free_ones():
    text = "".join(f"# Failure Cause Item{n}\n## Title\nt{n}\n" for n in ("", " 1", " 1", " 7"))
    assert [i.number for i in parse_report(text, "error").items] == [1, 2, 3, 7]


def test_a_sentence_about_an_item_is_no_heading():
    text = ERROR + "\nFailure Cause Item 1 explains everything.\nTitle of the sheet is odd.\n"
    assert types_and_titles(text) == PLAIN


def test_code_in_an_item_is_text():
    code = "```python\n# Failure Memory\n## Title\nprint(1)\n```"
    text = f"```\n{ERROR}\n{code}\n```"
    report = parse_report(text, "error")
    assert [(i.type, i.number, i.title) for i in report.items] == PLAIN
    assert code in report.items[-1].content


def test_other_sections_are_kept_apart():
    text = "# Lean Solution Path\n1. look\n\n# Success Memory Item 1\n## Title\na\n# Summary\nend\n"
    report = parse_report(text, "success")
    assert [i.title for i in report.items] == ["a"]
    assert report.rest == "# Lean Solution Path\n1. look\n\n# Summary\nend"


def test_memories_over_the_cap_are_named():
    text = "".join(
        f"# Success Memory Item {n}\n## Title\nt{n}\n## Content\nx\n" for n in range(1, 6)
    )
    report = parse_report(text, "success")
    assert [i.title for i in report.items] == ["t1", "t2", "t3"]
    assert any("t4" in note for note in report.notes)
    assert any("t5" in note for note in report.notes)


def test_items_of_the_other_kind_are_none():
    with pytest.raises(FormatError, match="Success Memory Item 1"):
        parse_report(ERROR, "success").require_items("success")


def test_report_in_an_earlier_reply_is_found():
    replies = ["Thought: x\nAction:\n{}", f"{ERROR}\nThe report is above.", "ACTION: TASK_COMPLETE"]
    assert best_report(replies, "error") == replies[1]


def test_a_worse_second_report_does_not_replace_the_first():
    stump = "# Failure Memory Item 1\n## Title\nonly this"
    assert best_report([ERROR, stump], "error") == ERROR
    assert best_report(["nothing", stump], "error") == stump
    assert best_report(["nothing"], "error") == ""


WORDS = st.text(string.ascii_lowercase + " ", min_size=3, max_size=30).map(str.strip).filter(bool)
NOISE = st.sampled_from(
    ["# Failure Cause Item", "## Title", "```", "~~~", "<think>", "</think>", "**", "Action:", "{",
     "# Summary", "| a | b |", "\x00", "- ", "Failure Memory Item 99999999", "\u2028", "> "]
)  # fmt: skip


@st.composite
def reports(draw):
    """A report with known words, in one of the usual shapes, with parts left out."""
    marks = draw(st.sampled_from([("# ", "## "), ("## ", "### "), ("**", "**"), ("### ", "- ")]))
    words, lines = [], []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        kind = draw(st.sampled_from(["Failure Cause", "Failure Memory"]))
        close = "**" if marks[0] == "**" else ""
        lines.append(f"{marks[0]}{kind} Item {number}{close}")
        for name in draw(st.permutations(["Title", "Description", "Content"])):
            word = f"w{len(words)}x {draw(WORDS)}"
            words.append(word)
            end = ":" if marks[1] == "- " else "**" if marks[1] == "**" else ""
            lines += [f"{marks[1]}{name}{end}", word]
    return "\n".join(lines), words


@settings(max_examples=150, deadline=None)
@given(reports())
def test_every_word_of_an_item_is_found_again(report):
    text, words = report
    parsed = parse_report(text, "error")
    told = "\n".join([*(i.text for i in parsed.items), parsed.rest, *parsed.notes])
    capped = [note for note in parsed.notes if "over the cap" in note]
    assert len(parsed.items) + len(capped) == text.count("Item")
    for word in words:
        in_capped_item = bool(capped)
        assert " ".join(word.split()) in " ".join(told.split()) or in_capped_item


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(NOISE, WORDS, st.text(max_size=20)), max_size=12),
    st.integers(0, len(ERROR)),
    st.integers(0, len(ERROR)),
    st.sampled_from(["error", "success"]),
)
def test_mutated_reports_never_raise_and_lose_no_line(noise, cut, paste, kind):
    text = ERROR[:cut] + "\n" + "\n".join(noise) + "\n" + ERROR[paste:]
    parsed = parse_report(text, kind)
    told = "\n".join([*(i.text for i in parsed.items), parsed.rest, *parsed.notes])
    after = re.split(r"</think(?:ing)?>", text, flags=re.IGNORECASE)
    if len(after) == 1 and not any("over the cap" in n for n in parsed.notes):
        for sentence in (
            "The first sheet was taken for granted.",
            "Print every sheet's name and size.",
        ):
            assert (sentence in told) == (sentence in text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_any_text_at_all_is_read(text):
    parse_report(text, "error")
    parse_report(text, "success")


@pytest.mark.parametrize("piece", ["```json\n", "```\n", "~~~a\n```b\n"])
def test_no_report_keeps_the_reader_busy(piece: str) -> None:
    """All cases share one event loop, and a model that has lost itself repeats one line."""
    started = time.process_time()
    parse_report(piece * (150_000 // len(piece)), "error")
    assert time.process_time() - started < 15

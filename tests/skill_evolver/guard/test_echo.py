"""A skill that learnt nothing, or only what the prompt says, is told from one that learnt."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from evolving import Author, job_of, make_records, make_skill
from project import SHARED

from skill_evolver.engine.evolution import carry_out
from skill_evolver.guard.echo import change_of

REAL = SHARED / "real_replies"
START = {"SKILL.md": "# Sheets\n\nRead the workbook first.\n"}


def grown(*lines: str) -> dict[str, str]:
    return {"SKILL.md": START["SKILL.md"] + "".join(f"\n{line}\n" for line in lines)}


def test_the_start_in_another_shape_is_no_change() -> None:
    for after in (START, {"SKILL.md": "# Sheets\n\n\nRead  the workbook first."}):
        change = change_of(START, after)
        assert change.kind == "none"
        assert str(change).startswith("NO CHANGE")


@pytest.mark.parametrize(
    "line",
    [
        "- The working directory is the only place to read and write files.",
        "**Always** save the modified workbook to `output_path`: run it.",
        "Give one action per reply, and nothing after its JSON object.",
    ],
)
def test_what_the_prompt_says_is_an_echo(line: str) -> None:
    change = change_of(START, grown("## Rules", line))
    assert (change.kind, len(change.restated)) == ("echo", change.sentences)
    assert str(change).startswith("ECHO")


def test_something_new_beside_an_echo_is_new_and_the_echo_is_counted() -> None:
    lesson = "Formulas saved by openpyxl hold no stored result, so recalculate them with an engine."
    change = change_of(START, grown("Carry the instruction out with shell commands.", lesson))
    assert (change.kind, change.sentences, len(change.restated)) == ("new", 2, 1)
    assert str(change) == "1 of 2 new sentences restate the agent's prompt"
    assert str(change_of(START, grown(lesson))) == ""


def test_what_is_taken_away_is_a_change() -> None:
    echo = "One action per reply, and nothing after its JSON object."
    assert change_of(START, {"SKILL.md": f"# Sheets\n\n{echo}\n"}).kind == "new"
    assert change_of(START, {"SKILL.md": "# Sheets\n"}).kind == "new"


class Saying(Author):
    """Proposes one bullet, whatever it is given."""

    said = ""

    def _map(self, user: str, markdown: bool) -> list[dict[str, Any]]:
        edits = super()._map(user, markdown)[:1]
        return [{**edit, "content": f"- {self.said}"} for edit in edits]


@pytest.mark.parametrize(
    ("said", "kind", "line"),
    [
        ("Give one action per reply, and nothing after its JSON object.", "echo", "ECHO"),
        ("Merged headings reach over two rows: unmerge them in a copy to find columns.", "new", ""),
    ],
)
def test_an_evolution_says_so(tmp_path: Path, said: str, kind: str, line: str) -> None:
    skill = make_skill(tmp_path)
    author = Saying()
    author.said = said
    job = job_of(skill, make_records(tmp_path / "records.json", 2), "--prompt", "generic")
    result = asyncio.run(carry_out(job, author))
    assert result.written
    assert result.summary
    assert result.summary["change"]["kind"] == kind
    log = job.places.changelog.read_text("utf-8")
    for text in (result.text, log):
        assert ("ECHO" in text) == (line == "ECHO")
        assert "NO CHANGE" not in text


def test_an_evolution_without_a_usable_edit_says_so(tmp_path: Path) -> None:
    skill = make_skill(tmp_path)
    author = Saying()
    main = (skill / "SKILL.md").read_text("utf-8")
    author.said = next(x for x in main.splitlines() if x.startswith("- ")).removeprefix("- ")
    job = job_of(skill, make_records(tmp_path / "records.json", 1))
    result = asyncio.run(carry_out(job, author))
    assert "NO CHANGE" in result.text
    assert "NO CHANGE" in job.places.changelog.read_text("utf-8")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not here")
def test_what_a_real_evolution_wrote_is_no_echo() -> None:
    (main,) = (REAL / "evolved_skill").rglob("SKILL.md")
    change = change_of(START, {"SKILL.md": main.read_text("utf-8")})
    assert change.kind == "new"
    assert len(change.restated) < 0.1 * change.sentences

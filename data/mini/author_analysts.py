"""The demo's analysts: what the script says about a failed and about a solved mini task."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from author_model import SOLUTIONS, TASKS, TRAPS, Messages, act, finish, task_of

WORK = "agent_work"


@dataclass(frozen=True)
class Lesson:
    """A trap's cause and the memory that prevents it, in the words of the reports."""

    cause: str
    mechanism: str
    memory: str
    when: str
    content: str


LESSONS = {
    "formulas left without values": Lesson(
        "Saved formulas that nothing had calculated",
        "The script wrote formulas with openpyxl and saved. openpyxl stores the text of a formula "
        "and no value, so every target cell was blank to a reader, and the check that followed "
        "looked at formula texts only.",
        "Leave a stored value in every target cell",
        "Whenever the result is written with openpyxl and the cells would hold formulas.",
        "openpyxl saves a formula without a stored value, and a reader then sees a blank cell. "
        "Recalculate the saved file if a tool for it is at hand, else compute in Python and write "
        "the value. Check with `load_workbook(path, data_only=True)`: no target cell is None.",
    ),
    "rows deleted top-down": Lesson(
        "Deleted rows while walking down the sheet",
        "After each deletion the next row moved up into the place just visited, so the second of "
        "two neighbouring matches was never looked at and stayed.",
        "Delete rows from the bottom up",
        "Whenever more than one row may have to go.",
        "Collect the row numbers first, then delete in descending order, so that no deletion "
        "moves a row still to be visited. Check that no match is left, and that rows kept plus "
        "rows deleted are the rows there were.",
    ),
    "text dates parsed by guess": Lesson(
        "Let a parser guess the order of day and month",
        "Part of the date column was text. The general parser took the month first wherever that "
        "was possible, so some texts became other dates and the differences came out wrong.",
        "Parse text dates with an explicit format",
        "When a date column holds both real dates and texts.",
        "Count the types in the column before computing. Settle the order from values above 12 "
        "and from the user's words, then parse each text date with `datetime.strptime` and that "
        "format, and stop on any that does not fit.",
    ),
    "written to the sheet that opens first": Lesson(
        "Wrote to the sheet that happened to be active",
        "The script took the active sheet, while the position to fill names another one, so the "
        "target stayed empty and a source sheet was overwritten.",
        "Write to the sheet that answer_position names",
        "When the workbook has several sheets.",
        "Take the sheet from answer_position by its name, never the active one; a quote lost "
        "around the name changes nothing. Read that very sheet back after saving.",
    ),
    "the rest of the workbook lost": Lesson(
        "Wrote a data frame over the workbook",
        "The output was made with pandas alone: a new file with one sheet. The other sheets, the "
        "title rows above the table and the remarks below it were gone.",
        "Change the loaded workbook instead of writing a new one",
        "Whenever the workbook holds anything besides the table.",
        "Load the input with openpyxl, change cells, save. `DataFrame.to_excel` makes a new file "
        "and loses other sheets, titles, notes and formats; use pandas to read and compute only. "
        "Check that the sheet names are the same as before.",
    ),
    "subtotals counted as data": Lesson(
        "Counted the rows that already were sums",
        "The table holds rows that sum up those above them. They were read like any other row, so "
        "counts and totals came out too large.",
        "Leave subtotals and total rows out of sums",
        "When a table has rows that sum up others.",
        "Recognise subtotals and total rows by a blank key, a word such as Total, or a formula, "
        "and skip them. Check that the parts add up to the table's own grand total.",
    ),
}
READ_BACK = (
    "Read the target cells back from the saved file",
    "Before finishing any task.",
    "Open the saved file with `data_only=True` and print every target cell with its type. Compare "
    "the first, the last and an odd one with values worked out by hand from the input.",
)


def error_analyst(messages: Messages) -> str:
    """Look at what differs, repair it by the sound solution, evaluate, report."""
    task = task_of(messages[1]["content"])
    trap = next((trap for trap in TRAPS if task in trap.tasks), None)
    lesson = LESSONS.get(trap.name) if trap else None
    said = [m["content"] for m in messages if m["role"] == "assistant"]
    if not said:
        return evaluate("I start from the cells that differ.", f"{WORK}/output.xlsx")
    if len(said) == 1:
        return look_at_script()
    if lesson is None:
        return finish(NOT_FOUND)
    if len(said) == 2:
        return repair(task, lesson)
    if len(said) == 3:
        return evaluate("I check the repair.", f"{WORK}/output_fixed.xlsx")
    return error_report(lesson)


def evaluate(thought: str, path: str) -> str:
    call = {"name": "evaluate_output", "arguments": {"output_file": path}}
    return f"Thought: {thought}\nAction:\n{json.dumps(call)}"


def look_at_script() -> str:
    return act(
        "Now the decision behind it: I read what the agent ran.",
        f"cat {WORK}/solve.py; grep -c ASSISTANT agent_log.md",
    )


def repair(task: str, lesson: Lesson) -> str:
    """The sound solution, run on the input as the agent had it."""
    values = SOLUTIONS / f"{task}.values.py"
    source = values if values.exists() else SOLUTIONS / f"{task}.py"
    body = code_of(source).replace("output.xlsx", "output_fixed.xlsx")
    return act(
        f"The claim: {lesson.cause[0].lower()}{lesson.cause[1:]}. I undo that and nothing else.",
        f"cd {WORK}\ncat > repair.py <<'EOF'\n{body}\nEOF\npython repair.py",
    )


def code_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").split('"""', 2)[2].strip()


def item(kind: str, number: int, title: str, description: str, content: str) -> str:
    parts = f"## Title\n{title}\n\n## Description\n{description}\n\n## Content\n{content}"
    return f"# {kind} Item {number}\n\n{parts}"


def error_report(lesson: Lesson) -> str:
    cause = item("Failure Cause", 1, lesson.cause, f"{lesson.cause}.", lesson.mechanism)
    memory = item("Failure Memory", 1, lesson.memory, lesson.when, lesson.content)
    return f"{cause}\n\n{memory}\n\nACTION: TASK_COMPLETE"


NOT_FOUND = (
    "I could not find a change that makes the result right, so no cause is proven.\n\n"
    + item(
        "Failure Cause",
        1,
        "Unknown",
        "The mismatches are known, the decision behind them is not.",
        "Several readings of the instruction were tried; none explains all cells.",
    )
)


def success_analyst(messages: Messages) -> str:
    """What helped: the look back always, and whatever the run itself shows."""
    log = messages[1]["content"]
    task = next((i for i, record in TASKS.items() if record["instruction"] in log), "")
    found = [READ_BACK]
    if re.search(r"in one form|normali[sz]e|str\(", log) and task in ("9004", "9105"):
        found.append(
            (
                "Compare lookup keys in one form",
                "When a lookup finds nothing although the keys look alike.",
                "Compare the types of both key columns, bring both sides to one form "
                "(`str(value).strip()`), and report how many keys were found.",
            )
        )
    path = "# Lean Solution Path\nLook at all sheets, write the cells in a script, read them back."
    memories = [item("Success Memory", n, *one) for n, one in enumerate(found, start=1)]
    return "\n\n".join([path, *memories])

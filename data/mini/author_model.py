"""The demo's agent: answers from what stands in the messages, nothing else.

It knows a sound and a mistaken way for the tasks with a trap (`solutions/<id>.py`,
`<id>.naive.py`) and takes the sound one only if the skill in its prompt holds the advice that cures
the trap. So a lesson that evolution writes into a skill shows in the score.
"""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Messages = Sequence[dict[str, str]]
HERE = Path(__file__).resolve().parent
SOLUTIONS = HERE / "solutions"
TASKS: dict[str, dict[str, str]] = {
    str(record["id"]): record for record in json.loads((HERE / "dataset.json").read_text())
}


@dataclass(frozen=True)
class Trap:
    """A mistake and the advice that prevents it, as a pattern over the skill's text."""

    name: str
    cure: str
    tasks: tuple[str, ...]

    def cured_by(self, skill: str) -> bool:
        return re.search(self.cure, skill, re.IGNORECASE) is not None


TRAPS = (
    Trap(
        "formulas left without values",
        r"recalc|cached value|stored value",
        ("9001", "9102", "9111"),
    ),
    Trap(
        "rows deleted top-down",
        r"bottom[- ]up|from the bottom|descending|reverse",
        ("901-3", "911-6"),
    ),
    Trap(
        "text dates parsed by guess",
        r"text dates?|dates?\b[^\n]{0,80}\btext|day[- ]first",
        ("9012", "9109"),
    ),
    Trap(
        "written to the sheet that opens first",
        r"answer.position[^\n]{0,200}sheet|(never|not|instead of)[^\n]{0,40}\bactive\b",
        ("902-7", "912-1"),
    ),
    Trap("the rest of the workbook lost", r"to_excel", ("903-2", "913-8")),
    Trap("subtotals counted as data", r"sub-?totals?\b|total rows?\b", ("905-4", "915-5")),
    Trap("rows of other groups in between", r"(?!)", ("9023",)),
    # Solved by any careful reader at the second attempt; the advice saves the first one.
    Trap("keys of different types", r"keys?\b[^\n]{0,120}(types?|normali[sz]e)", ("9004", "9105")),
    Trap("a pattern that matches too much", r"(?!)", ("9114",)),
)
"""`(?!)` is advice that no skill can hold. Tasks in no trap are easy."""
REFERENCES = {"903-2": "structure", "911-6": "structure", "9012": "cleaning", "9109": "cleaning"}
"""What is read for a task where the skill names such a file."""


def agent(messages: Messages) -> str:
    """The next step on one of the mini tasks: the number of earlier replies says which."""
    system, task_prompt = messages[0]["content"], messages[1]["content"]
    steps = plan(task_of(task_prompt), skill_of(system), recalc_script(system))
    done = sum(message["role"] == "assistant" for message in messages)
    return steps[done] if done < len(steps) else finish("The result is in place.")


def task_of(prompt: str) -> str:
    """The id of the task whose instruction the prompt holds."""
    return next(i for i, record in TASKS.items() if record["instruction"] in prompt)


def skill_of(system: str) -> str:
    """The text of the skill in a system prompt; empty for the agent without one."""
    match = re.search(r"^-+ skill starts -+$(.*)^-+ skill ends -+$", system, re.S | re.M)
    return match[1] if match else ""


def recalc_script(system: str) -> str:
    """The full path of the skill's recalculation script, if the skill says that it has one."""
    folder = re.search(r"Its folder is (\S+)", system)
    has_script = "scripts/recalc.py" in skill_of(system)
    return f"{folder[1]}/scripts/recalc.py" if folder and has_script else ""


@dataclass(frozen=True)
class Way:
    """How one task is done under one skill."""

    solution: Path
    mistaken: bool
    first_attempt: Path | None = None
    """Tried before; its output shows what is wrong with it."""
    recalculated: bool = False


def choose(task: str, skill: str, recalc: str) -> Way:
    """Sound if the task has no trap or the skill cures it. Formulas need the script; where the
    skill only says that they would be empty, computed values are written instead."""
    trap = next((trap for trap in TRAPS if task in trap.tasks), None)
    cured = trap is None or trap.cured_by(skill)
    sound, values, first, naive = (
        SOLUTIONS / f"{task}{kind}.py" for kind in ("", ".values", ".first", ".naive")
    )
    if naive.exists() and not cured:
        return Way(naive, mistaken=True)
    if values.exists():
        if not cured:
            return Way(sound, mistaken=True)
        return Way(sound, False, recalculated=True) if recalc else Way(values, False)
    return Way(sound, False, first_attempt=first if first.exists() and not cured else None)


def plan(task: str, skill: str, recalc: str) -> list[str]:
    """All replies of one run, in order."""
    way = choose(task, skill, recalc)
    steps = [look_briefly() if way.mistaken else look_closely(skill)]
    reference = f"references/{REFERENCES.get(task)}.md"
    if recalc and reference in skill:
        steps.append(read_reference(recalc.replace("scripts/recalc.py", reference)))
    if way.first_attempt:
        steps.append(run_script(way.first_attempt))
    steps.append(run_script(way.solution))
    if way.recalculated:
        steps.append(recalculate(recalc))
    steps.append(glance() if way.mistaken else read_back(task))
    return [*steps, finish(CLOSING[way.mistaken])]


CLOSING = {
    False: "The saved file holds what was asked for, in the cells named by answer_position.",
    True: "The output is saved and looks as expected.",
}


def act(thought: str, command: str) -> str:
    action = json.dumps({"name": "bash", "arguments": {"command": command}}, ensure_ascii=False)
    return f"Thought: {thought}\nAction:\n{action}"


def finish(thought: str) -> str:
    return f"Thought: {thought}\n\nACTION: TASK_COMPLETE"


def python(code: str) -> str:
    return f"python - <<'EOF'\n{code.strip()}\nEOF"


def run_script(path: Path) -> str:
    """Its docstring is what the agent thinks, the rest is what it writes and runs."""
    source = path.read_text(encoding="utf-8")
    thought = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    body = source.split('"""', 2)[2].strip()
    return act(thought, f"cat > solve.py <<'EOF'\n{body}\nEOF\npython solve.py")


def look_briefly() -> str:
    return act(
        "I look at the sheet first.",
        python("""
import openpyxl
ws = openpyxl.load_workbook("input.xlsx").active
print(ws.title, ws.dimensions)
for row in ws.iter_rows(max_row=8, values_only=True):
    print(row)
"""),
    )


def look_closely(skill: str) -> str:
    """A skill that speaks of types makes the agent count them."""
    types = """
    for column in ws.iter_cols(values_only=True):
        print(sorted({type(v).__name__ for v in column if v is not None}), end=" ")
    print()"""
    counted = types.rstrip() if re.search(r"\btypes?\b", skill, re.IGNORECASE) else ""
    return act(
        "I look at all sheets before deciding anything: names, sizes, header rows, data.",
        python(
            """
import openpyxl
wb = openpyxl.load_workbook("input.xlsx")
for ws in wb:
    print(repr(ws.title), ws.dimensions, ws.sheet_state, [str(m) for m in ws.merged_cells.ranges])
    for row in ws.iter_rows(max_row=9, values_only=True):
        print(" ", row)"""
            + counted
        ),
    )


def read_reference(path: str) -> str:
    return act("The skill has a reference for this kind of task; I read it.", f'cat "{path}"')


def recalculate(script: str) -> str:
    return act("The formulas have no values yet, so I recalculate.", f'python "{script}" output.xlsx')


def parts(task: str) -> list[tuple[str, str]]:
    """The answer position as (sheet, range); an empty name is the first sheet."""
    pieces = (part.rpartition("!") for part in TASKS[task]["answer_position"].split(","))
    return [(sheet.strip("'"), area) for sheet, _, area in pieces]


def read_back(task: str) -> str:
    loops = "\n".join(
        f"show(wb[{sheet!r}], {area!r})" if sheet else f"show(wb.worksheets[0], {area!r})"
        for sheet, area in parts(task)
    )
    return act(
        "I read the target cells back from the saved file, values only.",
        python(
            f"""
import openpyxl
def show(ws, area):
    cells = ws[area] if ":" in area else ((ws[area],),)
    for row in cells:
        print(row[0].coordinate, [c.value for c in row])
wb = openpyxl.load_workbook("output.xlsx", data_only=True)
print(wb.sheetnames)
{loops}
"""
        ),
    )


def glance() -> str:
    """What a hasty check looks like: the file opens, and something stands in it."""
    return act(
        "I check that the output opens.",
        python("""
import openpyxl
ws = openpyxl.load_workbook("output.xlsx").active
print(ws.title, ws.dimensions)
for row in ws.iter_rows(max_row=6, values_only=True):
    print(row)
"""),
    )

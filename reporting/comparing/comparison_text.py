"""A comparison as a terminal, a Markdown file, and a table for a paper show it."""

from collections.abc import Callable, Mapping, Sequence

from react_agent.templates import Prompts
from reporting.comparing.comparison import (
    RECORDED,
    Compared,
    Interval,
    Measured,
    Pair,
    Standing,
    TypeRow,
)
from reporting.comparing.tables import TEMPLATES, Table, plain, wrapped

LEFT_OUT = "ended by infrastructure or refused"
CAPTION = "Accuracy and soft score in percent, differences from run A in percentage points"


def terminal(comparison: Compared) -> str:
    """Fits 80 columns, but for paths that are longer by themselves."""
    mark = [comparison.mark.upper(), ""] if comparison.mark else []
    lines = []
    for standing in comparison.standings:
        lines += wrapped(_who(standing), indent=3, first=f"{standing.letter}  ")
    lines += ["", *Table.of(comparison.standings, _STANDING).lines()]
    for standing in comparison.standings:
        for text in _notes("side_notes.j2", standing):
            lines += wrapped(text)
    for note in comparison.notes:
        lines += wrapped(f"note: {note}")
    for pair in comparison.pairs:
        lines += ["", *_pair_lines(pair)]
    lines += ["", *wrapped(f"Verdicts: {comparison.rule}.", first="")]
    return "\n".join([*mark, *lines, *mark[:1]])


def _who(standing: Standing) -> str:
    given = (("skill", standing.skill), ("memory", standing.memory))
    helped = [f"{what} {name}" for what, name in given if name]
    named = [standing.agent, *helped, standing.model]
    seeds = ", ".join(standing.seeds)
    known = [*(name for name in named if name), f"seed {seeds}" if seeds else "no seed noted"]
    mark = " [recorded]" if standing.recorded else ""
    return f"{standing.path}{mark}: {', '.join(known)}"


def _notes(template: str, of: Standing | Pair) -> list[str]:
    """One sentence a line of the template."""
    return list(filter(None, TEXTS.render(template, of=of).splitlines()))


def _pair_lines(pair: Pair) -> list[str]:
    mark = "  [recorded replies]" if pair.recorded else ""
    lines = [f"{pair.letter} against {pair.baseline}: {pair.verdict.upper()}{mark}"]
    left = f" ({len(pair.left_out)} {LEFT_OUT} left out)" if pair.left_out else ""
    lines += wrapped(f"{pair.tasks} tasks{left}")
    measures, *more = _tables(pair)
    lines += measures.lines()
    for text in _notes("pair_notes.j2", pair):
        lines += wrapped(text, indent=4, first="  ")
    for table in more:
        lines += ["", *table.lines()]
    for text in pair.settings_apart:
        lines += wrapped(text, indent=11, first="  differs: ")
    return lines


def in_words(pair: Pair, baseline: str) -> str:
    """What belongs to a verdict, in the words of compare, report and reproduction."""
    return (
        f"against {baseline}: {percent(pair.after)} % of {pair.tasks} tasks solved, before "
        f"{percent(pair.before)} % ({points(pair.difference)} points, 95 % interval "
        f"{span(pair.interval)}, p {equals(pair.p_adjusted)})"
    )


def _tables(pair: Pair) -> list[Table]:
    """What was measured; of types of tasks and classes of failures where there are some."""
    one, two = pair.baseline, pair.letter
    heads = (one, two, "diff", "95 % interval", "p")
    soft = [("soft", *_numbers(pair.soft), "sign-flip")] if pair.soft else []
    measures = ("accuracy", *_numbers(pair), pair.test)
    types = tuple(
        (name, str(row.tasks), *_numbers(row))
        for row, name in zip(pair.types, _short(pair.types), strict=True)
    )
    classes = Table.of(
        pair.classes,
        {
            "class of failure": lambda row: row.error_class,
            f"{one} fails": lambda row: row.before,
            f"{two} fails": lambda row: row.after,
            f"{two} solves of {one}'s": lambda row: f"{row.solved:.3g}",
        },
    )
    more = (Table(("type", "tasks", *heads), types), classes)
    return [Table(("", *heads, "test"), (measures, *soft)), *(one for one in more if one.rows)]


def _numbers(row: Measured) -> tuple[str, ...]:
    sides = (percent(row.before), percent(row.after), points(row.difference))
    return (*sides, span(row.interval), p_value(row.p))


def _short(rows: Sequence[TypeRow]) -> list[str]:
    """Without a last word that all types share."""
    names = [row.instruction_type for row in rows]
    cut = [name.rpartition(" ")[0] for name in names]
    shared = len({name.rpartition(" ")[2] for name in names}) == 1 and all(cut)
    return cut if shared and len(rows) > 1 else names


def markdown(comparison: Compared) -> str:
    """Every table names in its last column, or in the line above it, the files it comes from."""
    files = dict.fromkeys(file for side in comparison.standings for file in side.files)
    number = {file: f"[{index}]" for index, file in enumerate(files, start=1)}

    def numbers(side: Standing | Pair) -> str:
        return " ".join(number[file] for file in side.files)

    text = TEXTS.render(
        "comparison.md.j2",
        comparison=comparison,
        number=number,
        who=_who,
        standings=Table.of(comparison.standings, {**_STANDING, "from": numbers}),
        numbers=numbers,
        notes=_notes,
        tables=_tables,
        left_out=LEFT_OUT,
        recorded=RECORDED,
    )
    return f"{text}\n"


def flat(comparison: Compared) -> Table:
    """One row a side, its pair with the first beside it: what CSV holds."""
    heads = (
        *("run", "path", "model", "skill", "seeds", "tasks", "accuracy", "accuracy_low"),
        *("accuracy_high", "soft", "sd_seeds", "infrastructure", "refused", "baseline"),
        *("paired_tasks", "difference", "difference_low", "difference_high", "p", "p_holm"),
        *("soft_difference", "soft_p", "gained", "lost", "detectable", "verdict", "mark", "files"),
    )
    pairs = {pair.letter: pair for pair in comparison.pairs}
    return Table(
        heads, tuple(_flat_row(one, pairs.get(one.letter)) for one in comparison.standings)
    )


def _flat_row(one: Standing, pair: Pair | None) -> tuple[str, ...]:
    low, high = one.interval.low, one.interval.high
    row = [one.letter, one.path, one.model, one.skill, " ".join(one.seeds), str(one.tasks)]
    row += [plain(value) for value in (one.accuracy, low, high, one.soft, one.spread)]
    row += [str(len(one.infrastructure)), str(len(one.refused))]
    if pair is None:
        row += [""] * 13
    else:
        soft = (pair.soft.difference, pair.soft.p) if pair.soft else (None, None)
        numbers = (pair.difference, pair.interval.low, pair.interval.high, pair.p, pair.p_adjusted)
        row += [pair.baseline, str(pair.tasks), *map(plain, (*numbers, *soft))]
        row += [str(len(pair.gained)), str(len(pair.lost)), plain(pair.detectable), pair.verdict]
    return (*row, RECORDED if one.recorded else "", " ".join(one.files))


def for_paper(comparison: Compared) -> Table:
    """The columns that a paper has room for: what LaTeX holds."""
    heads = ("Run", "n", "Accuracy", "95 % CI", "Soft")
    against = ("Diff.", "95 % CI of diff.", "p (Holm)", "Verdict")
    pairs = {pair.letter: pair for pair in comparison.pairs}
    rows = []
    for one in comparison.standings:
        pair = pairs.get(one.letter)
        name = f"{one.letter}: {one.path}" + (" (recorded replies)" if one.recorded else "")
        row = (name, str(one.tasks), percent(one.accuracy), ends(one.interval), percent(one.soft))
        if pair is None:
            rows.append((*row, "", "", "", "baseline"))
        else:
            apart = (points(pair.difference), span(pair.interval), p_value(pair.p_adjusted))
            rows.append((*row, *apart, pair.verdict))
    return Table((*heads, *against), tuple(rows))


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def ends(interval: Interval, between: str = " - ") -> str:
    return f"{percent(interval.low)}{between}{percent(interval.high)}"


def points(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def span(interval: Interval) -> str:
    """Where all tasks agree there is nothing to resample, and no width to be had from it."""
    if interval.low == interval.high:
        return "not known"
    return f"{points(interval.low)} to {points(interval.high)}"


def p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def equals(p: float) -> str:
    return f"= {p_value(p)}" if p >= 0.001 else p_value(p)


_STANDING: Mapping[str, Callable[[Standing], object]] = {
    "": lambda one: one.letter,
    "runs": lambda one: one.runs,
    "tasks": lambda one: one.tasks,
    "accuracy": lambda one: percent(one.accuracy),
    "95 % interval": lambda one: ends(one.interval),
    "soft": lambda one: percent(one.soft),
    "sd of seeds": lambda one: percent(one.spread),
    "infra": lambda one: len(one.infrastructure),
    "refused": lambda one: len(one.refused),
}
TEXTS = Prompts(
    TEMPLATES,
    filters={
        "percent": percent,
        "points": points,
        "span": span,
        "p_value": p_value,
        "in_words": in_words,
    },
)

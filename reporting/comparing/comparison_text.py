"""A comparison as a terminal, a Markdown file, and a table for a paper show it."""

from collections.abc import Sequence

from reporting.comparing.comparison import (
    RECORDED,
    Change,
    Compared,
    Interval,
    Measured,
    Pair,
    Standing,
    TypeRow,
)
from reporting.comparing.reading import Reading
from reporting.comparing.tables import Table, plain, wrapped

LEFT_OUT = "ended by infrastructure or refused"
CAPTION = "Accuracy and soft score in percent, differences from run A in percentage points"


def terminal(comparison: Compared) -> str:
    """Fits 80 columns, but for paths that are longer by themselves."""
    mark = [comparison.mark.upper(), ""] if comparison.mark else []
    lines = []
    for standing in comparison.standings:
        lines += wrapped(_who(standing), indent=3, first=f"{standing.letter}  ")
    lines += ["", *_standings(comparison.standings).lines()]
    for text in _notes(comparison):
        lines += wrapped(text)
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


def _standings(standings: Sequence[Standing]) -> Table:
    """Percent throughout."""
    heads = ("", "runs", "tasks", "accuracy", "95 % interval", "soft", "sd of seeds")
    return Table(
        (*heads, "infra", "refused"),
        tuple(
            (
                one.letter,
                str(one.runs),
                str(one.tasks),
                percent(one.accuracy),
                ends(one.interval),
                percent(one.soft),
                percent(one.spread),
                str(len(one.infrastructure)),
                str(len(one.refused)),
            )
            for one in standings
        ),
    )


def _notes(comparison: Compared) -> list[str]:
    about = [text for one in comparison.standings for text in _standing_notes(one)]
    return [*about, *(f"note: {note}" for note in comparison.notes)]


def _standing_notes(standing: Standing) -> list[str]:
    lines = []
    if len(standing.accuracy_per_seed) > 1:
        each = ", ".join(map(percent, standing.accuracy_per_seed))
        lines.append(f"{standing.letter} by seed: {each}")
    for tasks, what in (
        (standing.infrastructure, "ended by infrastructure, counted wrong above"),
        (standing.refused, "refused by a content filter of the endpoint"),
    ):
        lines += [f"{standing.letter} {what}: {', '.join(tasks)}"] if tasks else []
    if standing.conduct:
        lines.append(
            f"{standing.letter} looked for answers in {len(standing.conduct)} tasks, counted as "
            f"they stand: {', '.join(standing.conduct)} (commands in --json and in the report)"
        )
    if standing.reading:
        lines.append(f"{standing.letter} {reading_text(standing.reading)}")
    if standing.unscored:
        lines.append(
            f"{standing.letter}: {standing.unscored} tasks could not be scored; wrong in the "
            "accuracy, left out of the soft score"
        )
    return lines


def reading_text(found: Reading) -> str:
    """Who opened files of the skill, and what became of these trajectories and of the others."""
    solved = [
        f"solved {percent(share)} % of {which}"
        for share, which in ((found.accuracy_read, "these"), (found.accuracy_unread, "the others"))
        if share is not None
    ]
    said = f"opened files of its skill in {found.read} of {found.trajectories} trajectories"
    each = ", ".join(f"{file} {count} x" for file, count in found.opened.items())
    unopened = f"never: {', '.join(found.unopened)}" if found.unopened else ""
    return "; ".join(filter(None, (f"{said} ({', '.join(solved)})", each, unopened)))


def _pair_lines(pair: Pair) -> list[str]:
    mark = "  [recorded replies]" if pair.recorded else ""
    lines = [f"{pair.letter} against {pair.baseline}: {pair.verdict.upper()}{mark}"]
    left = f" ({len(pair.left_out)} {LEFT_OUT} left out)" if pair.left_out else ""
    lines += wrapped(f"{pair.tasks} tasks{left}")
    lines += _measures(pair).lines()
    for text in _sentences(pair):
        lines += wrapped(text, indent=4, first="  ")
    lines += ["", *_types(pair).lines()] if pair.types else []
    lines += ["", *_classes(pair).lines()] if pair.classes else []
    for text in pair.settings_apart:
        lines += wrapped(text, indent=11, first="  differs: ")
    return lines


def _sentences(pair: Pair) -> list[str]:
    lines = [
        f"gained {len(pair.gained)}{_named(pair.gained)}",
        f"lost {len(pair.lost)}{_named(pair.lost)}",
        f"p with Holm's correction: {p_value(pair.p_adjusted)}",
    ]
    if pair.score_interval:
        lines.append(f"interval by Newcombe's score method: {span(pair.score_interval)}")
    lines += [detectable(pair), *(f"note: {note}" for note in pair.notes)]
    mark = f"; {RECORDED}" if pair.recorded else ""
    return [
        *lines,
        f"to quote: {pair.letter} is {pair.verdict} {against(pair, pair.baseline)}{mark}",
    ]


def against(pair: Pair, baseline: str) -> str:
    """What belongs to a verdict, in the words of compare, report and reproduction."""
    return (
        f"against {baseline}: {percent(pair.after)} % of {pair.tasks} tasks solved, before "
        f"{percent(pair.before)} % ({points(pair.difference)} points, 95 % interval "
        f"{span(pair.interval)}, p {equals(pair.p_adjusted)})"
    )


def detectable(pair: Pair) -> str:
    seen = f"n = {pair.tasks} with {percent(pair.discordant)} % of tasks changing"
    if not pair.discordant:
        return "smallest detectable difference: not known, since no task changed"
    if pair.detectable is None:
        return (
            f"at {seen} even the largest difference would be missed in more than 20 % of such "
            f"comparisons ({pair.detectable_method})"
        )
    found = f"{percent(pair.detectable)} points"
    return f"smallest detectable difference: {found} at {seen} ({pair.detectable_method})"


def _measures(pair: Pair) -> Table:
    heads = ("", pair.baseline, pair.letter, "diff", "95 % interval", "p", "test")
    soft = [("soft", *_numbers(pair.soft), "sign-flip")] if pair.soft else []
    return Table(heads, (("accuracy", *_numbers(pair), pair.test), *soft))


def _numbers(row: Measured) -> tuple[str, ...]:
    sides = (percent(row.before), percent(row.after), points(row.difference))
    return (*sides, span(row.interval), p_value(row.p))


def _types(pair: Pair) -> Table:
    heads = ("type", "tasks", pair.baseline, pair.letter, "diff", "95 % interval", "p")
    return Table(
        heads,
        tuple(
            (name, str(row.tasks), *_numbers(row))
            for row, name in zip(pair.types, _short(pair.types), strict=True)
        ),
    )


def _short(rows: Sequence[TypeRow]) -> list[str]:
    """Without a last word that all types share."""
    names = [row.instruction_type for row in rows]
    cut = [name.rpartition(" ")[0] for name in names]
    shared = len({name.rpartition(" ")[2] for name in names}) == 1 and all(cut)
    return cut if shared and len(rows) > 1 else names


def _classes(pair: Pair) -> Table:
    one, two = pair.baseline, pair.letter
    heads = ("class of failure", f"{one} fails", f"{two} fails", f"{two} solves of {one}'s")
    return Table(
        heads,
        tuple(
            (row.error_class, str(row.before), str(row.after), f"{row.solved:.3g}")
            for row in pair.classes
        ),
    )


def _named(changes: Sequence[Change]) -> str:
    """With several seeds the shares of seeds that solve the task stand behind it."""
    names = []
    for change in changes:
        whole = {change.before, change.after} == {0.0, 1.0}
        shares = "" if whole else f" ({100 * change.before:.0f} -> {100 * change.after:.0f} %)"
        names.append(f"{change.id}{shares}")
    return f": {', '.join(names)}" if names else ""


def markdown(comparison: Compared) -> str:
    """Every table names in its last column, or in the line above it, the files it comes from."""
    files = list(dict.fromkeys(file for side in comparison.standings for file in side.files))
    number = {file: f"[{index}]" for index, file in enumerate(files, start=1)}
    parts = ["# Comparison"]
    parts += [f"**{comparison.mark}**"] if comparison.mark else []
    parts += [f"- **{one.letter}** `{_who(one)}`" for one in comparison.standings]
    table = _standings(comparison.standings)
    sources = [" ".join(number[file] for file in one.files) for one in comparison.standings]
    rows = tuple((*row, files) for row, files in zip(table.rows, sources, strict=True))
    parts.append(Table((*table.heads, "from"), rows).markdown())
    parts += _notes(comparison)
    for pair in comparison.pairs:
        parts += _pair_markdown(pair, " ".join(number[file] for file in pair.files))
    parts += [f"Verdicts: {comparison.rule}.", "## Files"]
    parts.append("\n".join(f"- {number[file]} `{file}`" for file in files))
    return "\n\n".join(parts) + "\n"


def _pair_markdown(pair: Pair, sources: str) -> list[str]:
    mark = f" ({RECORDED})" if pair.recorded else ""
    left = f"; left out, {LEFT_OUT}: {', '.join(pair.left_out)}" if pair.left_out else ""
    parts = [
        f"## {pair.letter} against {pair.baseline}: {pair.verdict}{mark}",
        f"{pair.tasks} tasks{left}. All numbers of this section come from {sources}.",
        _measures(pair).markdown(),
        "\n".join(f"- {text}" for text in _sentences(pair)),
    ]
    parts += [_types(pair).markdown()] if pair.types else []
    parts += [_classes(pair).markdown()] if pair.classes else []
    apart = [f"- `{text}`" for text in pair.settings_apart]
    return [*parts, "What differs:\n\n" + "\n".join(apart) if apart else "No setting differs."]


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
    heads = (
        "Run",
        "n",
        "Accuracy",
        "95 % CI",
        "Soft",
        "Diff.",
        "95 % CI of diff.",
        "p (Holm)",
        "Verdict",
    )
    pairs = {pair.letter: pair for pair in comparison.pairs}
    rows = []
    for one in comparison.standings:
        pair = pairs.get(one.letter)
        name = f"{one.letter}: {one.path}" + (" (recorded replies)" if one.recorded else "")
        accuracy = (percent(one.accuracy), ends(one.interval))
        row = (name, str(one.tasks), *accuracy, percent(one.soft))
        if pair is None:
            rows.append((*row, "", "", "", "baseline"))
        else:
            apart = (points(pair.difference), span(pair.interval), p_value(pair.p_adjusted))
            rows.append((*row, *apart, pair.verdict))
    return Table(heads, tuple(rows))


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

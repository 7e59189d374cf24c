"""The page that `trace2skill watch` shows."""

from collections.abc import Iterator

from rich import markup
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from react_agent.model import Usage
from react_agent.models.spending.prices import Prices
from react_agent.runs.folder import CaseResult
from react_agent.text import for_terminal, one_line
from trace2skill.reproduce.standings import MARK
from trace2skill.watching.progress import Progress, RunProgress

LAST = 8
SILENT = 90.0
"""Seconds without an end of anything that are worth a word."""
ENDED = ("output", "no output", "refused", "infra")
COLUMNS = (
    *("done", "in flight", "solved", *ENDED),
    *("tokens", "cost", "a minute", "left"),
)


def page(progress: Progress, prices: Prices) -> RenderableType:
    parts: list[RenderableType] = [*_stages(progress, prices), _runs(progress, prices)]
    if progress.others:
        parts += ["", _others(progress)]
    last = progress.latest
    if last.cases:
        parts += ["", _last(last)]
    if progress.spent:
        use, flying = progress.spent.usage(), len(progress.spent.open)
        words = f"spent {use.calls:,} calls, {_tokens(use)} tokens"
        cost = prices.cost(progress.spent.by_model())
        words += f", ${cost:,.2f}" if cost is not None else ""
        parts += ["", words + (f"; {flying} calls in flight or cut off" if flying else "")]
    if progress.chosen:
        parts.append(escape(f"chosen by training score: {progress.chosen}"))
    if any(run.recorded for run in progress.runs):
        parts.append(f"{MARK}")
    return Group(*parts)


def _stages(progress: Progress, prices: Prices) -> Iterator[RenderableType]:
    """Where a reproduction is, what is left of it, and what is wrong."""
    if stages := progress.stages:
        at = min(stages.done + 1, stages.total)
        yield Text(
            f"stage {at} of {stages.total}: {stages.current}"
            if stages.current
            else "all stages done"
        )
        cost = prices.cost({stages.model: stages.left})
        left = [f"{stages.left.calls:,} calls, {_tokens(stages.left)} tokens"]
        left += [f"${cost:,.2f}"] if cost is not None else []
        left += [_minutes(m)] if (m := progress.minutes_left) is not None else []
        if stages.current:
            yield Text(f"left, estimated: {', '.join(left)}")
        if stages.stopped:
            yield Text(f"stopped {one_line(stages.stopped, 300)}; start it again", style="red")
    if progress.silent > SILENT:
        yield Text(
            f"nothing has ended for {_minutes(progress.silent / 60)} with cases in flight: the "
            "endpoint is slow or down, or the run was killed",
            style="yellow",
        )


def _runs(progress: Progress, prices: Prices) -> Table:
    table = Table(title=escape(str(progress.path)), title_justify="left", box=None)
    table.add_column("run", overflow="fold")
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for run in progress.runs:
        table.add_row(escape(run.name), *_row(run, prices))
    return table


def _row(run: RunProgress, prices: Prices) -> list[str]:
    total = "?" if run.total is None else str(run.total)
    cost = prices.cost({run.model: run.usage})
    rate, left = run.per_minute, run.minutes_left
    counts = run.counts
    return [
        f"{run.done}/{total}",
        str(run.in_flight) if run.in_flight else "",
        "" if run.solved is None else str(run.solved),
        *(str(counts[name]) if counts[name] else "" for name in ENDED),
        _tokens(run.usage),
        "" if cost is None else f"${cost:,.2f}",
        "" if rate is None else f"{rate:.1f}",
        "" if left is None else _minutes(left),
    ]


def _others(progress: Progress) -> Table:
    table = Table(box=None)
    table.add_column("lessons and evolutions", overflow="fold")
    table.add_column("done", justify="right", no_wrap=True)
    for count in progress.others:
        total = "" if count.total is None else f"/{count.total}"
        table.add_row(escape(count.name), f"{count.done}{total}")
    return table


def _last(run: RunProgress) -> Table:
    table = Table(title=f"last in {escape(run.name)}", title_justify="left", box=None)
    for name in ("ended", "task", "how", "turns", "tokens", "seconds", "error"):
        table.add_column(name, no_wrap=name != "error", overflow="ellipsis")
    for case in run.cases[: -LAST - 1 : -1]:
        table.add_row(*_case(case))
    return table


def _case(case: CaseResult) -> list[str | Text]:
    style = "red" if case.owed else "" if case.success else "yellow"
    return [
        escape(case.finished_at[11:19]),
        Text(for_terminal(case.id)),
        Text(case.status, style=style),
        str(case.turns),
        _tokens(case.usage),
        f"{case.seconds:.1f}",
        Text(for_terminal(one_line(case.error or "", 60))),
    ]


def _tokens(usage: Usage) -> str:
    return f"{usage.tokens:,}"


def _minutes(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours else f"{max(1, rest)} min"


def escape(text: str) -> str:
    """Words of a file, which neither rich nor a terminal may take for a command."""
    return markup.escape(for_terminal(text))

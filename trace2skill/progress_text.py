"""The page that `trace2skill watch` shows."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from react_agent.model import Usage
from react_agent.prices import Prices
from spreadsheet_agent.runfolder import CaseResult
from trace2skill.progress import Progress, RunProgress
from trace2skill.standings import MARK

LAST = 8
ENDED = ("output", "no output", "refused", "infra")
COLUMNS = (
    *("done", "in flight", "solved", *ENDED),
    *("tokens", "cost", "a minute", "left"),
)


def page(progress: Progress, prices: Prices) -> RenderableType:
    parts: list[RenderableType] = [_runs(progress, prices)]
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
        parts.append(f"chosen by training score: {progress.chosen}")
    if any(run.recorded for run in progress.runs):
        parts.append(f"{MARK}")
    return Group(*parts)


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
    error = " ".join((case.error or "").split())
    return [
        case.finished_at[11:19],
        Text(case.id),
        Text(case.status, style=style),
        str(case.turns),
        _tokens(case.usage),
        f"{case.seconds:.1f}",
        Text(error if len(error) <= 60 else f"{error[:57]}..."),
    ]


def _tokens(usage: Usage) -> str:
    return f"{usage.prompt_tokens + usage.completion_tokens:,}"


def _minutes(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours else f"{max(1, rest)} min"

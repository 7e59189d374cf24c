"""What every script shares: flags in both spellings, logging to stderr, exit codes.

Imports nothing heavy, so that `--help` is quick.
"""

import argparse
import asyncio
import inspect
import io
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from react_agent.bundled import API_CHAT, PRICES
from react_agent.errors import EndpointDown, EndpointRefused, TimeUsedUp, Trace2SkillError
from react_agent.text import cut_end, for_terminal, say

if TYPE_CHECKING:
    from react_agent.engines.settings import ExecutorSettings
    from react_agent.models.settings import ModelSettings

OK, INCOMPLETE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; ended with work still owed; an input, flag or setting is wrong; Ctrl-C."""
LONGEST_LINE = 1_500
"""Characters of a complaint; paths are long, and values out of files without bound."""


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Each flag once, in its first spelling, with its default where it has one."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if len(action.option_strings) < 2 or "-h" in action.option_strings:
            return super()._format_action_invocation(action)
        spelled = list(action.option_strings)
        action.option_strings = spelled[:1]
        try:
            return super()._format_action_invocation(action)
        finally:
            action.option_strings = spelled

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, "", ()) or action.default == []:
            return action.help
        return super()._get_help_string(action)


def script_parser(description: str, epilog: str = "") -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=description,
        epilog=epilog,
        formatter_class=_Help,
        allow_abbrev=False,
    )


def add_flag(parser: argparse._ActionsContainer, name: str, **settings: Any) -> None:
    """Register `--some_flag` and `--some-flag` alike; help shows the spelling given here.

    A flag without help is explained by its name, so that its default is shown all the same.
    """
    other = "--" + (name[2:].replace("_", "-") if "_" in name[2:] else name[2:].replace("-", "_"))
    settings.setdefault("help", " ".join(re.split("[-_]", name[2:])))
    parser.add_argument(*dict.fromkeys([name, other]), **settings)


def add_model_flags(
    parser: argparse.ArgumentParser,
    *,
    model: str | None = "gpt-4o",
    temperature: float | None = 0.0,
    underscore: bool = True,
    token_cap: str = "--max_tokens",
) -> None:
    """The endpoint and the sampling settings. An explicit flag wins over the generation config,
    which wins over these defaults; so `temperature` parses to None unless it was given. `token_cap`
    names the cap on tokens where --max_tokens already means the length of one reply."""

    def flag(name: str, **settings: Any) -> None:
        add_flag(group, name if underscore else name.replace("_", "-"), **settings)

    group = parser.add_argument_group("model")
    flag("--model", default=model or os.environ.get("OPENAI_MODEL"), help="model name")
    flag("--llm_client", default="openai", choices=["openai", "api_chat"], help="wire protocol")
    flag("--api_chat_config", default=API_CHAT, help="settings of the api_chat client")
    flag("--base_url", default=None, help="endpoint; else OPENAI_BASE_URL, else OpenAI's own")
    flag("--api_key", default=None, help="key; else OPENAI_API_KEY; EMPTY for a local server")
    flag("--generation_config", default=None, help="sampling settings, as JSON text or a path")
    flag(
        "--temperature",
        type=float,
        default=argparse.SUPPRESS,
        help=f"overrides the generation config (default: {temperature})",
    )
    parser.set_defaults(default_temperature=temperature)
    flag("--record", default=None, metavar="FILE", help="also write every reply to a cassette")
    flag("--replay", default=None, metavar="FILE", help="answer from a cassette, without a network")
    flag("--reply_cache", default=None, metavar="DIR", help="reuse replies to identical requests")
    _add_patience_flags(group, underscore=underscore)
    flag(
        "--min_free_disk",
        type=not_negative(float),
        default=1024.0,
        metavar="MIB",
        help="stop, with the rest owed, while a disk that is written to has less free; 0: never",
    )
    add_budget_flags(parser, underscore=underscore, token_cap=token_cap)


def _add_patience_flags(group: argparse._ActionsContainer, *, underscore: bool) -> None:
    limits = {
        "--max_downtime": (900.0, "an endpoint that is down is waited for; stop after so long"),
        "--max_runtime": (
            None,
            "stop after so long; what is in flight is finished, the rest is owed",
        ),
    }
    for name, (default, about) in limits.items():
        add_flag(
            group,
            name if underscore else name.replace("_", "-"),
            type=not_negative(float),
            default=default,
            metavar="SECONDS",
            help=about,
        )


def model_settings(args: argparse.Namespace) -> "ModelSettings":
    """Until every stage has settings of its own."""
    from react_agent.models.settings import ModelSettings
    from react_agent.models.spending.settings import BudgetSettings

    caps = BudgetSettings(
        max_cost=args.max_cost,
        max_tokens=args.max_total_tokens,
        max_calls=args.max_calls,
        budget=args.budget and Path(args.budget),
        prices=args.prices,
    )
    names = [f.name for f in fields(ModelSettings) if f.name not in ("budget", "temperature")]
    paths = {n: v and Path(v) for n in ("record", "replay", "reply_cache") if (v := vars(args)[n])}
    return ModelSettings(
        **{n: v for n in names if (v := vars(args).get(n)) is not None} | paths,
        temperature=getattr(args, "temperature", None),
        budget=caps,
    )


def executor_settings(args: argparse.Namespace) -> "ExecutorSettings":
    from react_agent.engines.settings import ExecutorSettings

    return ExecutorSettings(
        executor=args.executor, ray_address=args.ray_address, ray_actors=args.ray_actors
    )


def written(args: argparse.Namespace) -> list[Path]:
    """The folders that a script writes in, as its flags name them."""
    names = ("output_dir", "working_dir", "log_dir", "intermediates_dir", "skill_dir")
    return [Path(folder) for name in names if (folder := getattr(args, name, None))]


def add_case_timeout(parser: argparse._ActionsContainer) -> None:
    add_flag(
        parser,
        "--case_timeout",
        type=not_negative(float),
        metavar="SECONDS",
        help="end a case before the turn that would start later; time that the endpoint was slow "
        "to accept a call, failed or was down is not counted",
    )


def case_limit(args: argparse.Namespace) -> dict[str, float]:
    """For the settings of a run; nothing without a limit, as in runs from before there was one."""
    return {} if args.case_timeout is None else {"case_timeout": args.case_timeout}


def add_budget_flags(
    parser: argparse.ArgumentParser, *, underscore: bool = True, token_cap: str = "--max_tokens"
) -> None:
    """Caps that are checked before a call is sent; earlier starts count as far as the budget file
    knows them."""

    def flag(name: str, **settings: Any) -> None:
        add_flag(group, name if underscore else name.replace("_", "-"), **settings)

    group = parser.add_argument_group("budget")
    flag(
        "--max_cost", type=not_negative(float), default=None, metavar="DOLLARS", help="send no more"
    )
    flag(
        token_cap,
        dest="max_total_tokens",
        type=not_negative(int),
        default=None,
        metavar="TOKENS",
        help="send no more; prompts and replies of all calls",
    )
    flag("--max_calls", type=not_negative(int), default=None, metavar="CALLS", help="send no more")
    flag(
        "--budget",
        default=None,
        metavar="FILE",
        help="what is spent, counted over starts and stages; default: <output_dir>/budget.jsonl "
        "when there is a cap",
    )
    flag(
        "--prices",
        default=PRICES,
        help="dollars per million tokens: a file, or PROMPT,REPLY",
    )


def add_executor_flags(parser: argparse.ArgumentParser) -> None:
    """Where cases are worked on."""
    group = parser.add_argument_group("executor")
    add_flag(
        group,
        "--executor",
        default="local",
        choices=["local", "ray"],
        help="this process, or a Ray cluster whose machines share the run's folders (extra: ray)",
    )
    add_flag(
        group, "--ray_address", metavar="HOST:PORT", help="default: a cluster on this machine only"
    )
    add_flag(
        group,
        "--ray_actors",
        type=positive,
        help="processes; default: one for each CPU of the cluster",
    )


def add_logging_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verbose", action="store_true", help="log what happens, to stderr")


def comma_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def not_negative(kind: type[int] | type[float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not 0 <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not a number of zero or more")
        return value

    return number


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return for_terminal(super().format(record))


def setup_logging(verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(levelname)s %(name)s: %(message)s"))
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, handlers=[handler], force=True)


def run_script(
    work: Callable[[argparse.Namespace], int | Awaitable[int]],
    parser: argparse.ArgumentParser,
    argv: list[str] | None = None,
) -> int:
    """Parse, run, and turn every expected failure into one line and an exit code.

    An asynchronous `work` is cancelled by the first Ctrl-C (or SIGTERM) and has its `finally`
    blocks run; it returns or raises CancelledError.
    """
    args = parser.parse_args(argv)
    args.started = time.time()
    setup_logging(getattr(args, "verbose", False))
    if isinstance(sys.stdout, io.TextIOWrapper):  # half a character in a file's text is no crash
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result = work(args)
        if inspect.isawaitable(result):
            result = asyncio.run(_cancellable(result))
        return result
    except Trace2SkillError as error:
        waited = isinstance(error, EndpointDown | TimeUsedUp | EndpointRefused) and error.owed
        more = "; started again the run goes on" if waited else ""
        complain(f"{'stopped' if error.owed else 'error'}: {error}{more}")
        return INCOMPLETE if error.owed else BAD_INPUT
    except (KeyboardInterrupt, asyncio.CancelledError):
        say("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        where, why = error.filename or "input/output", error.strerror or str(error)
        kept = "what is finished is kept, so mend that and run it again"
        complain(f"error: {where}: {why}; {kept}")
        return BAD_INPUT


def complain(text: str) -> None:
    """To stderr, without what would act on a terminal: the words may be a hostile file's."""
    for line in for_terminal(text).split("\n"):
        say(cut_end(line, LONGEST_LINE), file=sys.stderr)


async def _cancellable(work: Awaitable[int]) -> int:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

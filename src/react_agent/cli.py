"""What every script shares: flags in both spellings, logging to stderr, exit codes.

Imports nothing heavy, so that `--help` is quick.
"""

import argparse
import inspect
import io
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

from react_agent.bundled import ROOT
from react_agent.errors import EndpointDown, EndpointRefused, TimeUsedUp, Trace2SkillError
from react_agent.text import cut_end, for_terminal, say

OK, INCOMPLETE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; ended with work still owed; an input, flag or setting is wrong; Ctrl-C."""
LONGEST_LINE = 1_500
"""Characters of a complaint; paths are long, and values out of files without bound."""


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Each flag with its default where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, "", ()):
            return action.help
        text = super()._get_help_string(action)
        return text and text.replace("%(default)s", _shown(action.default))


def _shown(default: object) -> str:
    """A list as it is typed; what comes with the toolkit by its place there."""
    text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return text.removeprefix(f"{ROOT}/").replace("%", "%%")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """What is wrong alone: all flags before it would push it off the screen."""
        complain(f"error: {message}; `{self.prog} --help` lists the flags")
        raise SystemExit(BAD_INPUT)


def script_parser(description: str, epilog: str = "") -> argparse.ArgumentParser:
    return _Parser(
        description=description, epilog=epilog, formatter_class=_Help, allow_abbrev=False
    )


class _Once(logging.Filter):
    """Lets what is logged with `extra={"once": True}` through once, however many stages say it."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "once", False):
            return True
        new = record.getMessage() not in self._said
        self._said.add(record.getMessage())
        return new


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return for_terminal(super().format(record))


def setup_logging(verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Once())
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
        return _awaited(result) if inspect.isawaitable(result) else result
    except (Trace2SkillError, OSError) as error:
        return code_of(error)
    except KeyboardInterrupt:
        say("interrupted", file=sys.stderr)
        return INTERRUPTED


def code_of(error: Trace2SkillError | OSError) -> int:
    """Tell an expected failure in one line; the exit code that it ends in."""
    if isinstance(error, Trace2SkillError):
        waited = isinstance(error, EndpointDown | TimeUsedUp | EndpointRefused) and error.owed
        more = "; started again the run goes on" if waited else ""
        complain(f"{'stopped' if error.owed else 'error'}: {error}{more}")
        return INCOMPLETE if error.owed else BAD_INPUT
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    where, why = error.filename or "input/output", error.strerror or str(error)
    kept = "what is finished is kept, so mend that and run it again"
    complain(f"error: {where}: {why}; {kept}")
    return BAD_INPUT


def complain(text: str) -> None:
    """To stderr, without what would act on a terminal: the words may be a hostile file's."""
    for line in for_terminal(text).split("\n"):
        say(cut_end(line, LONGEST_LINE), file=sys.stderr)


def _awaited(work: Awaitable[int]) -> int:
    import asyncio  # late: a quarter of what --help would take

    async def cancellable() -> int:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None

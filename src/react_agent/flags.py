"""The command line of a stage, made of its settings. Imports nothing heavy."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import MISSING, replace
from typing import Any

from react_agent.cli import BAD_INPUT, OK, run_script, script_parser
from react_agent.settings import About, Kind, Settings, SettingsT, described, misfit
from react_agent.text import say


def run_stage(
    work: Callable[[SettingsT], int | Awaitable[int]],
    settings: type[SettingsT],
    argv: list[str] | None,
    description: str,
    epilog: str = "",
) -> int:
    """The whole of a script: flags to settings, the work, an exit code (cli.run_script)."""
    parser = parser_of(settings, description, epilog)
    return run_script(lambda args: work(read(settings, args)), parser, argv)


Parts = Mapping[str, tuple[Callable[..., int | Awaitable[int]], type[Settings], str]]
"""Of a command with commands of its own: by name the work, its settings, and a sentence."""


def run_part(command: str, parts: Parts, argv: list[str] | None, epilog: str) -> int:
    """The part of a command that the first argument names; without one, what there is."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(8, *map(len, parts))
        rows = "\n".join(f"  {name:<{width}} {about}" for name, (_, _, about) in parts.items())
        say(f"usage: trace2skill {command} WHAT [flags]\n\n{rows}")
        return OK if arguments else BAD_INPUT
    name, *rest = arguments
    if name not in parts:
        say(f"error: nothing called {name!r}; one of {', '.join(parts)}", file=sys.stderr)
        return BAD_INPUT
    sys.argv[0] = f"trace2skill {command} {name}"
    work, settings, about = parts[name]
    return run_stage(work, settings, rest, about, epilog)


def parser_of(
    settings: type[Settings], description: str, epilog: str = ""
) -> argparse.ArgumentParser:
    parser = script_parser(description, epilog)
    groups: dict[str, argparse._ActionsContainer] = {"": parser}
    for path, name, kind, about, default in flags_of(settings):
        if about.group not in groups:
            groups[about.group] = parser.add_argument_group(about.group)
        _add(groups[about.group], path, _spelled(name, settings.hyphens), kind, about, default)
    parser.add_argument("--verbose", action="store_true", help="log what happens, to stderr")
    return parser


def read(settings: type[SettingsT], args: argparse.Namespace) -> SettingsT:
    """The settings that parsed flags stand for. Raises ContractError."""
    return settings(**_given(settings, None, args, ""))


def flags_of(
    settings: type[Settings],
    defaults: Any = None,
    prefix: str = "",
    group: str = "",
    renamed: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, str, Kind, About, Any]]:
    """Each flag: the path of its field, its name, kind, description and default."""
    for name, kind, about, field in described(settings):
        default = getattr(defaults, name) if defaults else field.default
        path = prefix + name
        if about.hidden:
            continue
        if kind.nested:
            heading = about.group or group
            inner = {**(renamed or {}), **about.parts}
            yield from flags_of(kind.base, default, f"{path}.", heading, inner)
            continue
        flag = (renamed or {}).get(name) or about.flag or name
        yield path, flag, kind, replace(about, group=about.group or group), default


def as_argv(settings: Settings) -> list[str]:
    """The flags that say the same, without secrets and what is at its default."""
    found: list[str] = []
    for path, flag, kind, about, default in flags_of(type(settings)):
        value: Any = settings
        for name in path.split("."):
            value = getattr(value, name)
        if about.secret or (value == default and not about.positional):
            continue
        spelled = _spelled(flag, type(settings).hyphens)
        if kind.base is bool:
            found += [spelled]
        elif about.positional:
            found += [str(one) for one in (value if kind.many else (value,))]
        elif value is not None:
            text = ",".join(map(str, value)) if kind.many else str(value)
            if isinstance(value, float):
                text = text.removesuffix(".0")
            # A list of numbers that begins with a minus would be taken for a flag.
            found += [f"{spelled}={text}"] if text.startswith("-") else [spelled, text]
    return found


def _given(
    settings: type[Settings], defaults: Any, args: argparse.Namespace, prefix: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, kind, about, field in described(settings):
        if kind.nested:
            inner: Any = getattr(defaults, name) if defaults else field.default
            values[name] = replace(inner, **_given(kind.base, inner, args, f"{prefix}{name}."))
        elif not about.hidden:
            value = getattr(args, prefix + name)
            values[name] = tuple(value) if kind.many else value
    return values


def _add(
    group: argparse._ActionsContainer,
    path: str,
    flag: str,
    kind: Kind,
    about: About,
    default: Any,
) -> None:
    unsaid = about.default_text if default in (None, MISSING) else ""
    text = f"{about.text}; default: {unsaid}" if unsaid else about.text
    more: dict[str, Any] = {"help": text.replace("%", "%%")}
    if kind.base is bool:
        _add_flag(group, flag, dest=path, action="store_true", **more)
        return
    more["type"] = _parser_of(kind, about)
    choices = about.choices or kind.choices
    named = flag.lstrip("-").replace("-", "_").upper()
    if choices and not kind.many:
        more["choices"] = list(choices)
    else:
        more["metavar"] = about.unit or ("NAMES" if choices else named)
    if about.positional:
        more["metavar"] = about.unit or named
        if kind.many:
            more["nargs"] = "+" if default is MISSING else "*"
            more["type"] = _parser_of(replace(kind, many=False), about)
        group.add_argument(path, **more)
        return
    if default is MISSING:
        more["required"] = True
    else:
        more["default"] = default
    _add_flag(group, flag, dest=path, **more)


def _add_flag(parser: argparse._ActionsContainer, name: str, **settings: Any) -> None:
    """Register `--some_flag` and `--some-flag` alike; help shows the spelling given here."""
    other = "--" + (name[2:].replace("_", "-") if "_" in name[2:] else name[2:].replace("-", "_"))
    parser._option_string_actions[other] = parser.add_argument(name, **settings)


def _parser_of(kind: Kind, about: About) -> Callable[[str], Any]:
    def one(text: str) -> Any:
        try:
            value = kind.base(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not {'an integer' if kind.base is int else 'a number'}"
            ) from None
        if problem := misfit(value, kind, about):
            raise argparse.ArgumentTypeError(problem)
        return value

    def many(text: str) -> tuple[Any, ...]:
        return tuple(one(piece.strip()) for piece in text.split(",") if piece.strip())

    return many if kind.many else one


def _spelled(flag: str, hyphens: bool) -> str:
    return "--" + (flag.replace("_", "-") if hyphens else flag)

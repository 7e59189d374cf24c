"""Settings make a command line that gives them back, and refuse what does not fit, either way."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.cli import BAD_INPUT
from react_agent.errors import ContractError
from react_agent.flags import as_argv, parser_of, read, run_stage
from react_agent.settings import Settings, part, setting


@dataclass(frozen=True, kw_only=True)
class Inner(Settings):
    cap: int | None = setting("send no more", None, least=0, unit="CALLS")
    max_tokens: int = setting("length", 7, least=1)


@dataclass(frozen=True, kw_only=True)
class Outer(Settings):
    hyphens: ClassVar[bool] = True
    runs: tuple[Path, ...] = setting("what to read", positional=True)
    mode: Literal["fast", "slow"] = setting("how", "fast")
    seeds: tuple[int, ...] = setting("comma separated", ())
    keep_all: bool = setting("keep 100 % of it", False)
    share: float = setting("of the whole", 0.5, least=0)
    key: str | None = setting("never printed", None, secret=True)
    own: str = setting("for Python only", "x", hidden=True)
    inner: Inner = part(Inner(cap=3), "limits", max_tokens="max_total_tokens")


def parsed(*argv: str) -> Outer:
    return read(Outer, parser_of(Outer, "d").parse_args(argv))


BASE = Outer(runs=(Path("a"),))


def test_defaults_come_through_nesting() -> None:
    assert parsed("a") == BASE
    assert parsed("a").inner == Inner(cap=3)


@given(
    st.builds(
        Outer,
        runs=st.lists(st.sampled_from([Path("a"), Path("b c")]), min_size=1).map(tuple),
        mode=st.sampled_from(["fast", "slow"]),
        seeds=st.lists(st.integers()).map(tuple),
        keep_all=st.booleans(),
        share=st.integers(0, 1000).map(lambda n: n / 8),
        inner=st.builds(Inner, cap=st.integers(0), max_tokens=st.integers(1)),
    )
)
def test_what_as_argv_says_is_read_back(settings: Outer) -> None:
    assert parsed(*as_argv(settings)) == settings


@pytest.mark.parametrize("spelled", ["--max-total-tokens", "--max_total_tokens"])
def test_a_renamed_flag_in_both_spellings(spelled: str) -> None:
    assert parsed("a", spelled, "9").inner.max_tokens == 9


@pytest.mark.parametrize(
    ("field", "value", "argv", "says"),
    [
        ("share", -1.0, ["--share", "-1"], "at least 0"),
        ("share", float("nan"), ["--share", "nan"], "at least 0"),
        ("share", float("inf"), ["--share", "inf"], "at least 0"),
        ("mode", "odd", ["--mode", "odd"], "odd"),
        ("seeds", None, ["--seeds", "1,x"], ""),
    ],
)
def test_the_same_values_are_refused_in_python_and_on_the_command_line(
    field: str, value: Any, argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ContractError, match=f"{field}: .*{says}"):
        replace(BASE, **{field: value})
    with pytest.raises(SystemExit) as ended:
        parsed("a", *argv)
    assert ended.value.code == BAD_INPUT
    assert says in capsys.readouterr().err


def test_nested_values_are_refused_too() -> None:
    with pytest.raises(ContractError, match="cap: -1"):
        Inner(cap=-1)


def test_secrets_are_not_printed() -> None:
    settings = replace(BASE, key="hunter22")
    assert "hunter22" not in repr(settings)
    assert "hunter22" not in " ".join(as_argv(settings))


def test_help_names_groups_defaults_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stage(lambda _: 0, Outer, ["a"], "d") == 0
    with pytest.raises(SystemExit):
        run_stage(lambda _: 0, Outer, ["--help"], "d")
    text = " ".join(capsys.readouterr().out.split())
    for said in ("limits:", "--max-total-tokens", "--cap CALLS", "(default: 3)", "100 % of it"):
        assert said in text
    assert "--own" not in text


def test_reading_settings_loads_nothing_heavy() -> None:
    code = (
        "import sys, react_agent.flags, react_agent.models.settings\n"
        "heavy = {'pydantic', 'openai', 'aiohttp', 'pandas', 'openpyxl', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The bash tool: what comes back of a command, however much or little it printed."""

import asyncio
import resource
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from react_agent.sandbox.bash import LONGEST_COMMAND, BashResult, readable
from react_agent.sandbox.door import open_sandbox
from react_agent.sandbox.limits import Limits, MiB
from react_agent.sandbox.process import BoundedOutput


def run(*commands: str, kind: str = "auto", **limits: float) -> BashResult:
    """The result of the last of some commands in one new folder."""

    async def inside(folder: Path) -> BashResult:
        chosen = Limits(**{"seconds": 10, **limits})  # type: ignore[arg-type]
        async with open_sandbox(kind, limits=chosen).case(folder) as bash:  # type: ignore[arg-type]
            for command in commands[:-1]:
                await bash.run(command)
            return await bash.run(commands[-1])

    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(inside(Path(name)))


def test_it_is_bash() -> None:
    result = run(
        '[[ abc == a* ]] && source <(echo "x=5") && cat <<< "x is $x"; echo ${BASH_VERSION:+bash}'
    )
    assert result == BashResult("x is 5\nbash\n", 0, seconds=result.seconds)


def test_streams_come_in_order_and_stdin_is_empty() -> None:
    assert run("echo 1; echo 2 >&2; echo 3; cat; read x || echo 4").text == "1\n2\n3\n4\n"


@pytest.mark.parametrize(
    ("command", "code", "rendered"),
    [
        ("true", 0, "(no output)"),
        ("echo hi", 0, "hi"),
        ("echo hi; exit 3", 3, "hi\n[exit code 3]"),
        ("kill -SEGV $$", 139, "(no output)\n[exit code 139]"),
        (
            "nosuchprogram",
            127,
            "/bin/bash: line 1: nosuchprogram: command not found\n[exit code 127]",
        ),
        ("if", 2, None),
        ("", 0, "(no output)"),
        ("# ünï ☃ \udce9", 0, "(no output)"),
    ],
)
@pytest.mark.parametrize("kind", ["auto", "none"])
def test_exit_codes_are_told(command: str, code: int, rendered: str | None, kind: str) -> None:
    result = run(command, kind=kind)
    assert result.exit_code == code
    assert rendered is None or result.render() == rendered


def test_files_of_one_command_are_there_for_the_next_but_variables_are_not() -> None:
    assert run("x=1; echo a > f", "cat f; echo ${x:-unset}").text == "a\nunset\n"


def test_timeout_keeps_what_was_printed_and_says_what_to_do() -> None:
    result = run("echo before; sleep 20; echo after", seconds=0.5)
    assert (result.text, result.killed) == ("before\n", "timeout")
    assert "before\n[command stopped after 0.5" in result.render()
    assert "smaller steps" in result.render()


def test_bytes_that_are_no_text_harm_nothing() -> None:
    result = run("printf 'a\\xff\\xfeb\\0c\\x1b[31md\\te\\r\\nf\\rg\\x7f'")
    assert result.text == "a\ufffd\ufffdb\ufffdc\ufffd[31md\te\nf\ng\ufffd"


def test_gigabytes_cost_nothing() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = run("echo first; yes", output_bytes=64 * MiB)
    assert result.killed == "output"
    assert result.text.startswith("first\ny\ny\n")
    assert result.truncated_bytes > 60 * MiB
    assert len(result.text) < 2 * Limits.kept_bytes + 100
    assert "printed far too much" in result.render()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000, "KiB"


def test_beginning_and_end_of_a_long_output_are_kept() -> None:
    result = run("seq 1000000; echo end; exit 1")
    assert result.text.startswith("1\n2\n3\n")
    assert result.text.endswith("\n1000000\nend\n")
    rendered = result.render(1000)
    assert len(rendered) < 1100
    assert rendered.endswith("1000000\nend\n[exit code 1]")
    printed = sum(len(f"{n}\n") for n in range(1, 1_000_001)) + len("end\n")
    left_out = int(rendered.partition("... [")[2].split()[0])
    assert abs(left_out - (printed - 1000)) < 100, "the note within the text counts too"


def test_what_bash_cannot_be_given_is_said() -> None:
    assert "NUL" in run("echo a\0b").render()
    too_long = run("echo " + "x" * LONGEST_COMMAND)
    assert "longer than" in too_long.text
    assert too_long.exit_code
    longest = run("echo " + "x" * (LONGEST_COMMAND - 10) + "; pwd")
    assert (longest.exit_code, longest.text[:9]) == (0, "xxxxxxxxx")


@pytest.mark.parametrize("program", ["python", "python3"])
def test_python_is_this_one(program: str) -> None:
    code = "import sys; print(sys.base_prefix, sys.version, sys.flags.no_user_site)"
    assert run(f"{program} -c '{code}'").text == f"{sys.base_prefix} {sys.version} 1\n"


def test_nothing_is_left_open() -> None:
    run("true")
    before = len(list(Path("/proc/self/fd").iterdir()))
    children = set(psutil.Process().children())
    run("true", "sleep 20", seconds=0.1)
    run("sleep 20", kind="none", seconds=0.1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert set(psutil.Process().children()) <= children, "no zombie either"


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30))
def test_bounded_output_is_the_two_ends_of_the_stream(chunks: list[bytes], kept: int) -> None:
    output = BoundedOutput(kept)
    for chunk in chunks:
        output.feed(chunk)
        assert len(output.head) + len(output._tail) <= 3 * kept + 40
    whole = b"".join(chunks)
    assert output.total == len(whole)
    assert output.head == whole[:kept]
    assert whole.endswith(output.tail)
    assert output.dropped == max(0, len(whole) - 2 * kept)


@given(st.text(max_size=60), st.integers(4, 30))
def test_no_character_breaks_at_the_cut(text: str, kept: int) -> None:
    text = (
        "".join(c for c in text if c == "\n" or c.isprintable()).encode("utf-8", "ignore").decode()
    )
    output = BoundedOutput(kept)
    output.feed(text.encode())
    shown = readable(output)
    assert "\ufffd" not in shown or "\ufffd" in text
    if output.dropped:
        head, _, tail = shown.partition(f"\n... [{output.dropped} bytes left out] ...\n")
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(text.encode()) - len(head.encode()) - len(tail.encode()) <= output.dropped + 6
    else:
        assert shown == text


def observed(*commands: str, kind: str = "auto") -> tuple[list[str], dict[str, str]]:
    """What commands in one new folder were answered with, and the files that were left."""

    async def inside(folder: Path) -> list[str]:
        async with open_sandbox(kind).case(folder) as bash:  # type: ignore[arg-type]
            return [await bash.observe(command) for command in commands]

    with tempfile.TemporaryDirectory() as name:
        said = asyncio.run(inside(Path(name)))
        left = {p.name: p.read_text() for p in Path(name).iterdir() if p.is_file()}
        return said, left


@pytest.mark.parametrize("kind", ["auto", "none"])
@pytest.mark.parametrize(
    "before", ["true", "ln -s /etc/passwd .observation_1.txt", "echo old > .observation_1.txt"]
)
def test_a_long_output_can_be_read_on_in_a_file(kind: str, before: str) -> None:
    page = "sed -n '1500,1501p' .observation_1.txt"
    (_, first, more), left = observed(before, "seq 3000", page, kind=kind)
    assert "characters left out; more in .observation_1.txt]" in first
    assert "1500" not in first
    assert more == "1500\n1501"
    assert left[".observation_1.txt"] == "".join(f"{n}\n" for n in range(1, 3001))
    assert len(left) == 1


def test_where_no_file_can_be_kept_none_is_named() -> None:
    (_, first), left = observed("mkdir .observation_1.txt", "seq 3000")
    assert "characters left out] ..." in first
    assert not left

"""The warm interpreter: the same results as a cold one, and nothing of it outlives its command."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import psutil
import pytest
from warmprograms import COMMANDS, FILES, text

from react_agent.bash import Bash, BashResult
from react_agent.errors import ContractError
from react_agent.limits import Limits
from react_agent.sandbox import Sandbox, open_sandbox

WARM = "import sys; print(len(sys.modules) > 300)  # openpyxl"
"""Before any import of its own a cold Python has some 70 modules."""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return open_sandbox("bwrap", limits=Limits(seconds=60)).with_warm_python()
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")


def inside(sandbox: Sandbox, folder: Path, work: Callable[[Bash], Coroutine[Any, Any, Any]]) -> Any:
    folder.mkdir(exist_ok=True)

    async def case() -> Any:
        async with sandbox.case(folder) as bash:
            return await work(bash)

    return asyncio.run(case())


def run(sandbox: Sandbox, folder: Path, *commands: str) -> list[BashResult]:
    async def all_of_them(bash: Bash) -> list[BashResult]:
        return [await bash.run(command) for command in commands]

    result: list[BashResult] = inside(sandbox, folder, all_of_them)
    return result


def is_warm(result: BashResult) -> bool:
    assert result.text in ("True\n", "False\n"), result
    return result.text == "True\n"


def server(folder: Path) -> psutil.Process | None:
    """Of the case in that folder."""
    scratch = str(folder.parent / f".{folder.name}.scratch")
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if line[1:2] == ["-c"] and "warm_server" in line[2] and scratch in line[3]:
            return process
    return None


def seen(folder: Path) -> dict[str, object]:
    """What the commands left; of workbooks the values, as they hold the time of saving."""
    left: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".xlsx":
            sheet = openpyxl.load_workbook(path).active
            assert sheet is not None
            left[path.name] = [*sheet.values]
        elif path.is_file() and not path.name.endswith(".pyc"):
            left[str(path.relative_to(folder))] = path.read_bytes()
    return left


@pytest.fixture(scope="module")
def outcomes(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[bool, list[tuple[str, int, dict[str, object]]]]:
    """Of all commands, cold and warm, each at the same place."""
    folder = tmp_path_factory.mktemp("programs") / "case"

    def outcome(warm: bool) -> list[tuple[str, int, dict[str, object]]]:
        for name, source in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text(source))

        async def work(bash: Bash) -> list[tuple[str, int, dict[str, object]]]:
            done = []
            for command in COMMANDS:
                result = await bash.run(command)
                assert not result.killed, command
                done.append((result.text, result.exit_code, seen(folder)))
            return done

        result: list[tuple[str, int, dict[str, object]]] = inside(
            replace(sandbox, warm_python=warm), folder, work
        )
        shutil.rmtree(folder)
        return result

    return {warm: outcome(warm) for warm in (False, True)}


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=COMMANDS)
def test_a_command_does_the_same_warm_and_cold(
    outcomes: dict[bool, list[tuple[str, int, dict[str, object]]]], number: int
) -> None:
    assert outcomes[True][number] == outcomes[False][number]


def test_programs_that_name_a_loaded_module_are_warm_however_they_are_given(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    forms = [
        f"python3 -c '{WARM}'",
        f"echo '{WARM}' > warm.py; python warm.py",
        "python ./warm.py a b < /dev/null | cat",
        f"python - <<'END'\n{WARM}\nEND",
        f"echo '{WARM} pandas' | python",
    ]
    results = run(sandbox, tmp_path / "case", *forms)
    assert [is_warm(one) for one in results] == [True] * len(forms)

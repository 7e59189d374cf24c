"""The agent's Python: what was declared can be imported, and nothing else, sandboxed or not."""

import asyncio
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import openpyxl
import pytest
from commands import DONE, Commands, bash, with_server
from hostile.scene import as_nobody
from project import ROOT
from stub_server import reply

from react_agent.errors import ContractError
from react_agent.sandbox.agent_python import AgentPython, choose_python, offered, own_python
from react_agent.sandbox.bash import BashResult
from react_agent.sandbox.door import open_sandbox
from react_agent.sandbox.limits import Limits
from react_agent.sandbox.office import NONE, find_office, office_version
from react_agent.skills import Skill
from spreadsheet_agent import SKILLS
from spreadsheet_agent.domain import PACKAGES

RECALC = shlex.quote(str(SKILLS / "xlsx" / "scripts" / "recalc.py"))
AS_NOBODY = "SANDBOX_TESTS_AS_NOBODY" in os.environ
LISTED = (
    "import importlib.metadata as m, re; "
    "print({re.sub('[-_.]+', '-', d.name).lower(): d.version for d in m.distributions()})"
)
OURS = ("react_agent", "spreadsheet_agent", "pydantic", "openai", "betteroffice_xlsx", "scipy")
OTHERS = ("pip", "setuptools", "packaging", "pytest", "skill_evolver")
Kind = Literal["bwrap", "none"]


@pytest.fixture(params=["bwrap", "none"])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    try:
        open_sandbox(chosen)
    except ContractError as error:
        pytest.skip(f"no bubblewrap here: {error}")
    return chosen


def shell(
    kind: Kind, python: AgentPython, folder: Path, *commands: str, skill: Sequence[Path] = ()
) -> BashResult:
    """The result of the last of some commands in one case."""

    async def work() -> BashResult:
        async with sandbox.case(case, read_only=skill) as run:
            for command in commands[:-1]:
                await run.run(command)
            return await run.run(commands[-1])

    sandbox = open_sandbox(kind, limits=Limits(seconds=60), python=python)
    case = folder / "case"
    case.mkdir(exist_ok=True)
    return asyncio.run(work())


@pytest.mark.parametrize("flags", ["", "-I", "-E", "-P"])
def test_declared_packages_and_what_they_need_are_there(
    kind: Kind, tmp_path: Path, flags: str
) -> None:
    code = "import openpyxl, pandas, numpy, dateutil; print(pandas.DataFrame([[42]]).iloc[0, 0])"
    python = offered(PACKAGES)
    assert shell(kind, python, tmp_path, f"python {flags} -c '{code}'").text == "42\n"
    listed = shell(kind, python, tmp_path, f"python3 {flags} -c {json.dumps(LISTED)}").text
    assert eval(listed) == python.packages
    assert {"openpyxl", "pandas", "numpy", "et-xmlfile"} <= python.packages.keys()


@pytest.mark.parametrize("module", [*OURS, *OTHERS])
def test_nothing_else_can_be_imported(kind: Kind, tmp_path: Path, module: str) -> None:
    for flags in ("", "-I"):
        result = shell(kind, offered(PACKAGES), tmp_path, f"python {flags} -c 'import {module}'")
        assert f"No module named '{module}'" in result.text


def test_pip_is_not_there(kind: Kind, tmp_path: Path) -> None:
    result = shell(kind, offered(), tmp_path, "pip list || pip3 list || python -m pip list")
    assert "No module named pip" in result.text
    assert result.exit_code == 1


def test_by_no_name_has_this_interpreter_more(tmp_path: Path) -> None:
    """Its own packages lie beside its library, which the sandbox has to show."""
    if not open_sandbox().program:
        pytest.skip("no bubblewrap here")
    python = offered(PACKAGES)
    programs = "$(python -c 'import sys; print(sys.base_prefix)')/bin/python3"
    for code in ("import pip", "import pydantic"):
        result = shell("bwrap", python, tmp_path, f"{programs} -c '{code}'")
        assert "ModuleNotFoundError" in result.text
    found = shell(
        "bwrap",
        python,
        tmp_path,
        f"ls {shlex.quote(sys.prefix)}/bin {shlex.quote(str(ROOT))}/src; true",
    ).text
    assert found.count("No such file") == 2


def test_what_a_skill_declares_is_there_and_its_tool_computes(kind: Kind, tmp_path: Path) -> None:
    skill = Skill.load(SKILLS / "xlsx")
    assert skill.packages == ("betteroffice-xlsx",)
    python = choose_python(None, PACKAGES, (), skill.packages)
    assert python.packages.keys() == {*offered(PACKAGES).packages, "betteroffice-xlsx"}
    (tmp_path / "case").mkdir()
    book = openpyxl.Workbook()
    book.worksheets[0].append([6, "=7*A1"])
    book.save(tmp_path / "case" / "b.xlsx")
    done = shell(kind, python, tmp_path, f"python {RECALC} b.xlsx", skill=[SKILLS / "xlsx"])
    assert (done.exit_code, json.loads(done.text)["computed"]) == (0, 1)
    saved = openpyxl.load_workbook(tmp_path / "case" / "b.xlsx", data_only=True)
    assert saved.worksheets[0]["B1"].value == 42


@pytest.mark.skipif(find_office() is not None, reason="LibreOffice computes here")
def test_without_any_engine_the_tool_says_what_it_needs(kind: Kind, tmp_path: Path) -> None:
    write = "import openpyxl as o; b = o.Workbook(); b.active['A1'] = {}; b.save('b.xlsx')"
    commands = [f'python -c "{write}"; python {RECALC} b.xlsx']
    run = [command.replace("{}", repr("=1+1")) for command in commands]
    done = shell(kind, offered(PACKAGES), tmp_path, *run, skill=[SKILLS / "xlsx"])
    assert done.exit_code == 2
    assert "betteroffice-xlsx" in done.text
    assert "LibreOffice" in done.text
    assert done.text.count("\n") == 1
    run = [command.replace("{}", "2") for command in commands]  # nothing to compute
    done = shell(kind, offered(PACKAGES), tmp_path, *run, skill=[SKILLS / "xlsx"])
    assert json.loads(done.text)["status"] == "no formulas"


def test_a_name_that_is_not_installed_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ContractError, match="no-such-package: not installed"):
        choose_python(None, PACKAGES, ("no-such-package",), ())
    with pytest.raises(ContractError, match="no name of a Python package"):
        choose_python(None, PACKAGES, ("../x",), ())
    caplog.set_level(logging.WARNING)
    python = choose_python(None, PACKAGES, (), ("no-such-package",))
    assert python.packages == offered(PACKAGES).packages
    assert "no no-such-package, which the skill asks for" in caplog.text


def test_what_is_installed_by_reference_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its link would lead the agent's Python to the folder of whoever works on it."""
    distribution(tmp_path, "by-reference", {"__editable__.by_reference.pth": str(ROOT)})
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ContractError, match="by-reference: cannot be offered"):
        offered(("by-reference",))


def test_a_module_without_a_folder_and_an_extra_come_along(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, "single", {"single.py": "word = 'here'"}, 'two; extra == "more"')
    distribution(tmp_path, "two", {"two.py": "word = 'too'"})
    monkeypatch.syspath_prepend(str(tmp_path))
    plain, more = offered(("single",)), offered(("single[more]",))
    assert (plain.packages, more.packages) == ({"single": "1.0"}, {"single": "1.0", "two": "1.0"})
    code = "import single; print(single.word); import two; print(two.word)"
    assert shell(kind, more, tmp_path, f"python -c '{code}'").text == "here\ntoo\n"
    assert "named 'two'" in shell(kind, plain, tmp_path, f"python -c '{code}'").text


def distribution(site: Path, name: str, files: dict[str, str], requires: str = "") -> None:
    """As an installer leaves it."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    record = "".join(f"{file},,\n" for file in (*files, f"{info.name}/METADATA"))
    (info / "RECORD").write_text(record)
    for file, text in files.items():
        (site / file).write_text(text)


@pytest.mark.parametrize("by", ["folder", "program"])
def test_a_python_of_the_users_own(kind: Kind, tmp_path: Path, by: str) -> None:
    own = tmp_path / "own"
    command = [sys.executable, "-m", "venv", "--without-pip", str(own)]
    subprocess.run(command, check=True)
    (site,) = own.glob("lib/python*/site-packages")
    distribution(site, "mine", {"mine.py": "word = 'mine'"})
    python = own_python(own if by == "folder" else own / "bin" / "python3")
    assert python.described["packages"] == {"mine": "1.0"}
    code = "import mine, sys; print(mine.word, sys.prefix)"
    assert shell(kind, python, tmp_path, f"python -c '{code}'").text == f"mine {own}\n"
    assert "named 'pandas'" in shell(kind, python, tmp_path, "python3 -c 'import pandas'").text
    with pytest.raises(ContractError, match="install scipy there"):
        choose_python(own, PACKAGES, ("scipy",), ())


@pytest.mark.parametrize("what", ["nothing", "a folder", "no Python", "a Python that fails"])
def test_what_is_no_python_is_one_line(tmp_path: Path, what: str) -> None:
    path = tmp_path / "own"
    if what == "a folder":
        path.mkdir()
    elif what != "nothing":
        words = "echo hello" if what == "no Python" else "echo broken >&2; exit 1"
        path.write_text(f"#!/bin/sh\n{words}\n")
        path.chmod(0o755)
    with pytest.raises(ContractError, match=re.escape(f"--agent_python {path}: ")) as caught:
        own_python(path)
    assert "\n" not in str(caught.value)


def test_libreoffice_is_seen_where_the_machine_has_it_anywhere(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "office" / "program" / "soffice"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\n. "$(dirname "$(readlink -f "$0")")/version"\n')
    program.chmod(0o755)
    (program.parent / "version").write_text("echo 'LibreOffice 24.2.7.2 420(Build:2)'\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "soffice").symlink_to(program)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert office_version.__wrapped__() == "24.2.7.2"
    python = offered.__wrapped__(())
    assert "24.2.7.2" in shell(kind, python, tmp_path, "soffice --version").text
    (program.parent / "version").write_text("exit 1\n")
    assert office_version.__wrapped__() == NONE


def test_no_libreoffice_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert office_version.__wrapped__() == NONE


def test_a_run_lists_it_and_goes_on_with_no_other(tmp_path: Path) -> None:
    def agent(body: dict[str, object]) -> object:
        asked = len(body["messages"]) // 2  # type: ignore[arg-type]
        look = "cp input.xlsx output.xlsx; python -c 'import react_agent' 2>&1 | tail -1"
        return reply(bash(look) if asked == 1 else DONE)

    async def steps(user: Commands) -> None:
        code, said = await user.rollouts()
        assert code == 0, said
        settings = json.loads((user.outputs / "run.json").read_text())["settings"]
        wanted = offered((*PACKAGES, "betteroffice-xlsx"))
        assert settings["agent_python"] == wanted.described
        assert settings["libreoffice"] == office_version()
        assert "No module named 'react_agent'" in next(user.logs.iterdir()).read_text()
        code, said = await user.rollouts("--agent_packages", "markdown-it-py")
        assert code == 2
        assert "agent_python.packages.markdown-it-py: None -> " in said
        code, said = await user.rollouts("--agent_packages", "no-such-package")
        assert code == 2
        assert said.startswith("error: no-such-package: not installed")

    with_server(agent, tmp_path, steps)


def test_all_of_it_as_an_ordinary_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    if os.getuid() != 0 or AS_NOBODY:
        pytest.skip("the suite runs as an ordinary user already")
    base = Path("/tmp") / f"agent-python-tests-{os.getpid()}"
    base.mkdir(mode=0o777)
    base.chmod(0o777)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    command += ["-k", "not a_run_lists", f"--basetemp={base}/t", __file__]
    argv = as_nobody(base, command, SANDBOX_TESTS_AS_NOBODY="1")
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]

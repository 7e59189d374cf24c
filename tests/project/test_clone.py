"""A clone of which nothing is installed but the dependencies, used from another folder."""

import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from project import MINI, ROOT

SCRIPTS = sorted(
    path
    for path in (*ROOT.glob("*.py"), *(ROOT / "analysis").glob("*.py"))
    if "\nif __name__ ==" in (text := path.read_text(encoding="utf-8"))
    and (path.parent == ROOT or f"python analysis/{path.name}" in text)
)
"""Those that are started by their path."""
MODULES = [
    "trace2skill",
    "skill_evolver.run_parallel_skill_evolution",
    "skill_evolver.run_parallel_combined_skill_evolution",
]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the packages of this one, but for the project."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    packages = folder / "packages"
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "trace2skill" not in path.name and path.suffix != ".pth":
            (packages / path.name).symlink_to(path)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(str(packages), encoding="utf-8")
    return folder / "venv" / "bin" / "python"


def run(*command: str | Path, cwd: Path) -> str:
    """What it said. Fails where the exit code is not 0."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_project_is_not_installed_there(python: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="No module named 'react_agent'"):
        run(python, "-c", "import react_agent", cwd=tmp_path)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_starts(python: Path, tmp_path: Path, script: Path) -> None:
    assert run(python, script, "--help", cwd=tmp_path).startswith(f"usage: {script.name}")


@pytest.mark.parametrize("module", MODULES)
def test_every_module_starts_from_the_clone(python: Path, module: str) -> None:
    assert run(python, "-m", module, "--help", cwd=ROOT).startswith("usage: ")


def test_a_run_is_scored_and_triaged(python: Path, tmp_path: Path) -> None:
    """Skill and prices are those of the clone."""
    which = ["--data_path", MINI, "--start_idx", "12", "--end_idx", "14"]
    run(
        *(python, ROOT / "run_spreadsheetbench.py", *which, "--output_dir", "out"),
        *("--replay", MINI / "cassette.jsonl", "--model", "scripted-demo-model", "--seeds", "41"),
        *("--sandbox", "none", "--min_free_disk", "0"),
        cwd=tmp_path,
    )
    scored = run(
        *(python, ROOT / "evaluate_with_official.py", *which, "--output_dir", "out"), cwd=tmp_path
    )
    assert "2 of 2 tasks correct" in scored
    verdicts = "out/eval_official_results.json"
    run(
        *(python, ROOT / "analyze_results.py", "--eval_results", verdicts, "--log_dir", "out/logs"),
        cwd=tmp_path,
    )
    assert len(list(tmp_path.glob("out/logs/*_SUCCEED.md"))) == 2

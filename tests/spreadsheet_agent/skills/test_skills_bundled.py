"""The two bundled skills keep the rules of a skill folder, and their examples are Python."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from project import SKILLS
from skills_ref import validate

FOLDERS = sorted(p.parent for p in SKILLS.glob("*/SKILL.md"))
LINK = re.compile(r"\]\(([^)#]+)\)")
ALLOWED = {"name", "description", "license", "metadata", "compatibility", "allowed-tools"}


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def skill(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


def test_both_skills_are_there() -> None:
    assert [folder.name for folder in FOLDERS] == ["xlsx", "xlsx-basic"]


def test_it_is_valid_by_the_specification(skill: Path) -> None:
    assert validate(skill) == []
    header = (skill / "SKILL.md").read_text().split("---\n")[1]
    keys = {line.partition(":")[0] for line in header.splitlines() if not line.startswith(" ")}
    assert keys <= ALLOWED
    assert not set("<>") & set(header)


def test_every_link_leads_somewhere_and_every_reference_is_linked(skill: Path) -> None:
    linked = {skill / target for target in LINK.findall((skill / "SKILL.md").read_text())}
    assert all(path.is_file() for path in linked)
    assert set(skill.glob("references/*")) == linked


def test_scripts_are_named_in_the_text(skill: Path) -> None:
    text = (skill / "SKILL.md").read_text()
    for script in skill.glob("scripts/*.py"):
        if "__main__" in script.read_text():
            assert f"scripts/{script.name}" in text


def test_texts_stay_short(skill: Path) -> None:
    assert len((skill / "SKILL.md").read_text().splitlines()) < 200
    for reference in skill.glob("references/*.md"):
        assert len(reference.read_text().splitlines()) < 300


def test_examples_compile(skill: Path) -> None:
    for text in (path.read_text() for path in skill.rglob("*.md")):
        for block in re.findall(r"^( *)```python\n(.*?)^ *```", text, re.M | re.S):
            indent, code = block
            compile(re.sub(f"^{indent}", "", code, flags=re.M), "example", "exec")


def test_the_draft_knows_nothing_that_experience_teaches() -> None:
    """It stands for what a model writes unaided; the traps are left for evolution to find."""
    text = (SKILLS / "xlsx-basic/SKILL.md").read_text().casefold()
    for lesson in ("recalc", "cached", "data_only", "bottom", "reverse", "text date", "to_excel"):
        assert lesson not in text
    assert len(text.splitlines()) <= 40


def test_skills_name_no_benchmark() -> None:
    for path in SKILLS.rglob("*.md"):
        assert not re.search(r"golden?\b|benchmark|spreadsheetbench", path.read_text(), re.I)


def test_the_script_explains_itself() -> None:
    script = SKILLS / "xlsx/scripts/recalc.py"
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--timeout" in done.stdout
    assert not list(SKILLS.rglob("__pycache__"))

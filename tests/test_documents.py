"""No page sends its reader to a place that is not there."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from project import ROOT

from trace2skill.cli import STAGES

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks" / "README.md"])


def links(text: str) -> list[str]:
    found = []
    for block in MarkdownIt().enable("table").parse(text):
        for part in block.children or []:
            target = part.attrGet("href") or part.attrGet("src")
            if target:
                found.append(str(target))
    return found


def anchors(text: str) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_dead(page: Path) -> None:
    dead = []
    for link in links(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        text = target.read_text(encoding="utf-8") if anchor and target.is_file() else ""
        if not target.exists() or (anchor and anchor not in anchors(text)):
            dead.append(link)
    assert dead == []


def test_the_readme_leads_to_every_page() -> None:
    named = links((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} <= set(named)


def test_badges_say_what_the_project_says_of_itself() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        about = tomllib.load(file)
    images = re.findall(r"!\[(.*?)\]", (ROOT / "README.md").read_text(encoding="utf-8"))
    python = about["project"]["requires-python"].removeprefix(">=")
    assert f"Python {python} or newer" in images
    assert f"License {about['project']['license']}" in images
    assert about["tool"]["mypy"]["strict"]
    assert "Types mypy strict" in images


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """One is: a page in no table of contents, a skipped heading, an unknown name."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    built = subprocess.run(
        [*command, "-d", tmp_path / "cache", ".", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "COLUMNS": "84"},
        capture_output=True,
        text=True,
    )
    assert (built.returncode, built.stderr) == (0, "")
    commands = (tmp_path / "site" / "docs" / "commands.html").read_text(encoding="utf-8")
    assert [stage for stage in STAGES if f"usage: trace2skill {stage}" not in commands] == []
    reference = (tmp_path / "site" / "docs" / "reference.html").read_text(encoding="utf-8")
    assert "sent with each request, comma separated" in reference, "what --help says of seeds"
    assert str(ROOT) not in reference

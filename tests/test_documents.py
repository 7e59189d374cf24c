"""No page sends its reader to a place that is not there."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

PROJECT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), PROJECT / "benchmarks" / "README.md"]
)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
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
    named = links((PROJECT / "README.md").read_text(encoding="utf-8"))
    assert {f"docs/{page.name}" for page in PROJECT.glob("docs/*.md")} <= set(named)

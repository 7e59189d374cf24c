"""The skill folder: what is read, chosen, and how it is changed without ever being half changed."""

from pathlib import Path

import pytest

from react_agent import skills
from react_agent.errors import ContractError
from react_agent.skills import Skill, find_skill, is_inside, is_protected, write_skill

MAIN = "---\nname: xlsx\ndescription: Sheets --- and dashes; it's fine\n---\n\n# Sheets\n\nText.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "skills" / "xlsx"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(MAIN)
    (folder / "scripts" / "recalc.py").write_text("print(1)\n")
    (folder / "logo.png").write_bytes(b"\x89PNG\xff")
    return folder


def test_dashes_in_a_description_stay_out_of_the_body(folder: Path) -> None:
    skill = Skill.load(folder)
    assert skill.body == "# Sheets\n\nText.\n"
    assert skill.metadata["description"] == "Sheets --- and dashes; it's fine"
    assert skill.other_files == ("logo.png",)


@pytest.mark.parametrize("text", ["# Only text\n", "---\nname: [broken\n---\n# Only text\n"])
def test_a_skill_without_readable_frontmatter_still_has_its_body(folder: Path, text: str) -> None:
    (folder / "SKILL.md").write_text(text)
    assert Skill.load(folder).body == "# Only text\n"


def test_choice_in_a_root(folder: Path) -> None:
    root = folder.parent
    for name in ("a-first", ".hidden"):
        (root / name).mkdir()
        (root / name / "SKILL.md").write_text(MAIN)
    assert find_skill(root).name == "xlsx"
    assert find_skill(root, "a-first").name == "a-first"
    assert find_skill(folder).name == "xlsx"
    with pytest.raises(ContractError, match="a-first, xlsx"):
        find_skill(root, "nothing")
    with pytest.raises(ContractError, match="no such skills folder"):
        find_skill(root / "nowhere")


def test_writing_keeps_other_files_and_leaves_nothing_beside(folder: Path) -> None:
    before = Skill.load(folder)
    files = dict(before.files) | {"references/a.md": "# A\n"}
    write_skill(folder, files)
    after = Skill.load(folder)
    assert after.files == files
    assert after.other_files == ("logo.png",)
    assert after.digest != before.digest
    write_skill(folder, before.files)
    assert Skill.load(folder).digest == before.digest
    assert [p.name for p in folder.parent.iterdir()] == ["xlsx"]


def test_a_failing_write_leaves_the_old_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Skill.load(folder).digest

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(skills, "_sync", full)
    with pytest.raises(OSError, match="No space"):
        write_skill(folder, {"SKILL.md": "new"})
    assert Skill.load(folder).digest == before
    assert [p.name for p in folder.parent.iterdir()] == ["xlsx"]


def test_without_an_atomic_exchange_a_crash_between_the_renames_is_undone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skills, "_exchange", lambda one, two: False)
    write_skill(folder, {"SKILL.md": MAIN + "more\n"})
    assert Skill.load(folder).text.endswith("more\n")
    folder.rename(folder.parent / ".xlsx.old")
    assert find_skill(folder.parent).text.endswith("more\n")


def test_backups_lie_outside_the_root_and_come_back_whole(folder: Path) -> None:
    first, second = skills.backup(folder), skills.backup(folder)
    assert first != second
    assert first.parent == folder.parent.parent / "skills_backups"
    assert skills.list_backups(folder) == [first, second]
    digest = Skill.load(folder).digest
    write_skill(folder, {"SKILL.md": "gone"})
    skills.restore(folder, first)
    assert Skill.load(folder).digest == digest


@pytest.mark.parametrize(
    "path",
    [
        "../x.md",
        "/etc/x",
        "a/../../x",
        "",
        ".",
        "a\\..\\..\\x",
        "references/../SKILL.md",
        "x\0",
        "./x",
    ],
)
def test_paths_outside_or_disguised_are_refused(path: str, folder: Path) -> None:
    assert not is_inside(path)
    with pytest.raises(ContractError):
        write_skill(folder, {"SKILL.md": MAIN, path: "x"})


@pytest.mark.parametrize(
    "path", ["LICENSE.txt", "scripts/recalc.py", "recalc.py", "scripts/notes.md", "license"]
)
def test_licences_and_scripts_are_protected(path: str) -> None:
    assert is_protected(path)
    assert not is_protected("references/scripts.md")

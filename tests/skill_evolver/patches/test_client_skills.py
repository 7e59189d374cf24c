"""Skills as clients keep them: found by name or by folder, their own fields and folders kept."""

import shutil
from pathlib import Path

import pytest
from evolving import SKILL, Author, make_records, run

from react_agent.errors import ContractError
from react_agent.registry import SKILL_FORMATS, find
from react_agent.skills import CLIENT_FOLDERS, Skill, find_skill

OWN = "name: sheets\nallowed-tools: Bash, Read\nargument-hint: FILE"


def put(project: Path, place: str, folder: str = "sheets-2") -> Path:
    skill = project / place / folder
    (skill / "resources").mkdir(parents=True)
    (skill / "SKILL.md").write_text(SKILL.replace("name: xlsx", OWN))
    (skill / "resources" / "units.md").write_text("# Units\n\nAmounts are in thousands.\n")
    return skill


@pytest.mark.parametrize("place", CLIENT_FOLDERS)
def test_a_skill_is_found_by_its_name_and_by_its_folder(tmp_path: Path, place: str) -> None:
    skill = put(tmp_path, place)
    for found in (
        find_skill(skill),
        find_skill(skill.parent),
        find_skill(tmp_path),
        find_skill(tmp_path, "sheets"),
        find_skill(tmp_path, "sheets-2"),
        find_skill(tmp_path / "sheets"),
        find_skill(tmp_path / "sheets-2"),
    ):
        assert found.root == skill
        assert "resources/units.md" in found.files
    with pytest.raises(ContractError, match="no skill sheet; there is sheets-2"):
        find_skill(tmp_path, "sheet")
    with pytest.raises(ContractError, match="no skill sheet; there is sheets-2"):
        find_skill(tmp_path / "sheet")


def test_one_skill_in_two_places_is_one_and_two_of_a_name_are_refused(tmp_path: Path) -> None:
    first = put(tmp_path, ".claude/skills")
    second = tmp_path / ".agents" / "skills" / first.name
    shutil.copytree(first, second)
    assert find_skill(tmp_path, "sheets").root == first
    (second / "SKILL.md").write_text(SKILL)
    with pytest.raises(ContractError, match="are two skills; name the folder of one"):
        find_skill(tmp_path, "sheets")
    assert find_skill(second).root == second


def test_a_folder_with_skills_of_its_own_is_not_looked_through(tmp_path: Path) -> None:
    put(tmp_path, ".claude/skills")
    own = put(tmp_path, ".", "own")
    assert find_skill(tmp_path).root.resolve() == own.resolve()


def test_evolution_reads_resources_and_writes_references(tmp_path: Path) -> None:
    skill = put(tmp_path, ".claude/skills")
    before = Skill.load(skill)
    records = make_records(tmp_path / "records.json", 2)  # the first also wants a reference
    author = Author()
    asked: list[str] = []
    author.bad = lambda role, number, messages: asked.append(messages[1].text)
    more = ("--skill-format", "client", "--intermediates-dir", str(tmp_path / "inter"))
    assert run(tmp_path / "sheets", records, author, *more) == 0
    after = Skill.load(skill)
    assert "Amounts are in thousands." in asked[0]
    assert "references/topic-10.md" in after.files
    assert after.files["resources/units.md"] == before.files["resources/units.md"]
    assert after.text.startswith(before.text.split("\n\n")[0])


def test_fields_of_a_client_are_a_fault_of_the_plain_format_only(tmp_path: Path) -> None:
    skill = Skill.load(put(tmp_path, ".claude/skills"))
    plain, client = (find(SKILL_FORMATS, "format", name)() for name in ("agentskills", "client"))
    for on_disk in (False, True):
        assert any("allowed-tools" in str(p) or "argument-hint" in str(p)
                   for p in plain.check(skill, 500, on_disk=on_disk))  # fmt: skip
        assert client.check(skill, 500, on_disk=on_disk) == []

"""The paper's released skills: licences first, hashes noted, never taken when they differ."""

import io
import tarfile
from pathlib import Path

import pytest

from skill_evolver.commands.released import main


def archive(path: Path, body: str = "Body.") -> Path:
    files = {
        "home/README.md": "x",
        "home/released_skills/one/SKILL.md": f"---\nname: one\ndescription: d\n---\n{body}\n",
        "home/released_skills/one/LICENSE.txt": "No derivatives.\n",
        "home/released_skills/two/SKILL.md": "---\nname: two\ndescription: d\n---\n",
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def fetch(tmp_path: Path, *more: str) -> int:
    source = ["--from", str(tmp_path / "home.tar.gz"), "--into", str(tmp_path / "released")]
    return main([*source, *more])


def test_without_consent_nothing_is_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(tmp_path / "home.tar.gz")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert fetch(tmp_path) == 0
    said = capsys.readouterr().out
    assert "No derivatives." in said
    assert "--accept-licences" in said
    assert list((tmp_path / "released").iterdir()) == []


def test_the_first_fetch_is_noted_and_later_ones_must_match(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive(tmp_path / "home.tar.gz")
    assert fetch(tmp_path, "--accept-licences") == 0
    assert "trusted on first use" in capsys.readouterr().out
    assert (tmp_path / "released" / "one" / "SKILL.md").is_file()
    assert fetch(tmp_path, "--accept-licences") == 0
    archive(tmp_path / "home.tar.gz", body="Changed.")
    assert fetch(tmp_path, "--accept-licences") == 2
    assert "one: not what" in capsys.readouterr().err
    assert "Body." in (tmp_path / "released" / "one" / "SKILL.md").read_text()
    assert fetch(tmp_path, "--accept-licences", "--accept-new") == 0
    assert "Changed." in (tmp_path / "released" / "one" / "SKILL.md").read_text()


def test_a_pin_cannot_be_waved_through(tmp_path: Path) -> None:
    archive(tmp_path / "home.tar.gz")
    (tmp_path / "released").mkdir()
    pins = '{"revision": "abc", "folders": {"one": "0000"}}'
    (tmp_path / "released" / "PINS.json").write_text(pins)
    assert fetch(tmp_path, "--accept-licences", "--accept-new") == 2

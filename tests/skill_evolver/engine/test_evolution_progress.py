"""An evolution says how far it is: calls of those planned, what was kept, and tokens."""

import re
from pathlib import Path

import pytest
from evolving import Author, intermediates_of, make_records, make_skill, run

from react_agent.engines import progress as progressbar


def lines(text: str) -> list[tuple[int, int, str]]:
    found = re.findall(r"evolution: .*?(\d+)/(\d+) ", text)
    whole = [line for line in text.splitlines() if line.startswith("evolution: ")]
    return [(int(n), int(of), line) for (n, of), line in zip(found, whole, strict=True)]


@pytest.mark.parametrize("more", [(), ("--mode", "sequential")])
def test_every_call_moves_the_line_to_its_end(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
) -> None:
    monkeypatch.setattr(progressbar, "EVERY", 0.0)
    skill, records = make_skill(tmp_path), make_records(tmp_path / "r.json", 12)
    assert run(skill, records, Author(), *more) == 0
    seen = lines(capsys.readouterr().err)
    assert [n for n, _, _ in seen] == list(range(len(seen)))
    assert seen[-1][0] == seen[-1][1] >= 12
    assert "map=12" in seen[-1][2]
    assert re.search(r"tokens=[\d,]{2,}", seen[-1][2])
    if not more:
        assert "merge=" in seen[-1][2]


def test_what_an_earlier_start_paid_for_is_shown_as_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progressbar, "EVERY", 0.0)
    skill, records = make_skill(tmp_path), make_records(tmp_path / "r.json", 6)
    assert run(skill, records, Author(), "--dry-run") == 0
    capsys.readouterr()
    assert (intermediates_of(skill) / "calls").is_dir()
    assert run(skill, records, Author()) == 0
    last = lines(capsys.readouterr().err)[-1]
    assert "kept=7" in last[2]
    assert "map=" not in last[2]

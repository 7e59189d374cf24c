"""The paper's other experiments behind the domain seam: laid out, taken, scored, explained."""

import asyncio
import functools
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from experiments import SAMPLES, TABLES, answers, opened
from openpyxl import load_workbook

from react_agent.errors import ContractError
from react_agent.files import digest
from react_agent.seams import Domain


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**given: Any) -> None:
        asyncio.run(test(**given))

    return run


def write_answer(domain: Domain[Any], folder: Path, items: list[Any]) -> None:
    """As an agent does, in the folder that it was given."""
    if domain.name not in TABLES:
        (folder / domain.files.output).write_text(f"Some words.\nAnswer: {items[0]}\n")
        return
    book = load_workbook(folder / domain.files.given)
    for row, item in enumerate(items, start=1):
        book["Answer"].cell(row, 1).value = item
    book.save(folder / domain.files.output)


@pytest.mark.parametrize("name", SAMPLES)
@awaited
async def test_right_answers_come_through_and_wrong_ones_do_not(name: str, tmp_path: Path) -> None:
    with opened(name) as domain:
        for task in domain.tasks[:5]:
            (case,) = domain.cases(task.id)
            folder = tmp_path / "work" / task.id
            workspace = domain.prepare(case, folder)
            assert workspace.missing()
            for given, passed in ((answers(domain, task.id), True), (["quite another"], False)):
                write_answer(domain, folder, given)
                assert not workspace.missing()
                output = domain.collect(case, folder, tmp_path / "out")
                assert output == domain.output_path(case, tmp_path / "out")
                score = await domain.score(case, output)
                assert (score.passed, not score.message) == (passed, passed)
                check = await domain.check(case, output)
                assert check.passed == passed
                assert check.report.startswith("Result: PASS" if passed else "Result: FAIL")
                facts = await domain.facts(case, output)
                assert bool(facts.error_class) != passed
                assert facts.error_class in {"", *domain.error_classes}
                assert facts.answers


@pytest.mark.parametrize("name", SAMPLES)
@awaited
async def test_what_an_analyst_is_given_holds_the_truth_and_a_copy_is_known(
    name: str, tmp_path: Path
) -> None:
    with opened(name) as domain:
        (case,) = domain.cases(domain.tasks[0].id)
        domain.lay_out(case, tmp_path)
        truth = tmp_path / domain.files.truth
        assert (tmp_path / domain.files.given).is_file()
        assert digest(truth.read_bytes()) == domain.truth_digest(case)
        if name in TABLES:
            assert (await domain.origin(case, truth, None)).is_copy
            assert not (await domain.origin(case, tmp_path / domain.files.given, None)).is_copy


@pytest.mark.parametrize("name", SAMPLES)
def test_every_field_of_the_task_prompt_is_given(name: str, tmp_path: Path) -> None:
    from jinja2 import Environment, StrictUndefined

    domain = opened(name)
    (case,) = domain.cases(domain.tasks[0].id)
    workspace = domain.prepare(case, tmp_path / "work")
    template = (domain.prompts / "task.j2").read_text(encoding="utf-8")
    text = Environment(undefined=StrictUndefined).from_string(template).render(**workspace.fields)
    assert case.task.instruction in text
    assert str(domain.root) not in text
    names = {path.name for path in domain.prompts.iterdir()}
    assert {"system_cli_only.j2", "system_cli_skill_preloaded.j2", "missing_output.j2"} <= names


@pytest.mark.parametrize("name", SAMPLES)
def test_the_agent_sees_no_answer(name: str, tmp_path: Path) -> None:
    domain = opened(name)
    for task in domain.tasks:
        (case,) = domain.cases(task.id)
        workspace = domain.prepare(case, tmp_path / "work")
        assert {p.name for p in workspace.folder.iterdir()} == {domain.files.given}
        if name in TABLES:
            sheet = load_workbook(workspace.folder / domain.files.given)["Answer"]
            assert [cell.value for row in sheet.iter_rows() for cell in row] in ([], [None])


@pytest.mark.parametrize("name", SAMPLES)
@awaited
async def test_what_an_output_holds_never_raises(name: str, tmp_path: Path) -> None:
    hostile: list[bytes] = [b"", b"\x00" * 100, b"PK\x03\x04broken", b"\xff\xfe", b"Answer:\n\n"]
    with opened(name) as domain:
        (case,) = domain.cases(domain.tasks[0].id)
        output = tmp_path / domain.files.output
        for content in hostile:
            output.write_bytes(content)
            score = await domain.score(case, output)
            assert not score.passed
            assert score.message
            facts = await domain.facts(case, output)
            assert facts.check
            assert not facts.check.passed
        output.unlink()
        assert not (await domain.score(case, output)).passed
        assert (await domain.facts(case, None)).error_class == "no_output"


@awaited
async def test_formulas_without_a_value_and_a_wrong_form_are_told_apart(tmp_path: Path) -> None:
    with opened("wikitablequestions") as domain:
        (case,) = domain.cases("own-2")
        for given, expected in (
            (["=1+1"], "uncalculated_formula"),
            ([], "no_answer"),
            (["Grey Gull"], "wrong_values"),
            (["the Kestrel!"], "wrong_form"),
        ):
            domain.prepare(case, tmp_path / "work")
            write_answer(domain, tmp_path / "work", given)
            output = domain.collect(case, tmp_path / "work", tmp_path / "out")
            assert (await domain.facts(case, output)).error_class == expected


@awaited
async def test_a_result_is_seen_to_move_with_a_variant_of_the_table(tmp_path: Path) -> None:
    """The replay gate: what a script looks up moves, what it carries does not."""
    with opened("hitab") as domain:
        (case,) = domain.cases("h1")
        domain.prepare(case, tmp_path / "before")
        changed = await domain.vary(case, tmp_path / "before", "values", 1, "")
        assert changed > 5
        looked_up = load_workbook(tmp_path / "before/input.xlsx")["Table"]["B3"].value
        assert looked_up != 1204
        results = {}
        for said in (1204, looked_up):
            write_answer(domain, tmp_path / "before", [said])
            results[said] = tmp_path / f"{said}.xlsx"
            (tmp_path / "before/output.xlsx").rename(results[said])
        found = await domain.movement(case, results[1204], results[looked_up])
        assert (found.works, found.moved, found.new) == (True, 1, True)
        assert not (await domain.movement(case, results[1204], results[1204])).moved
        assert "autumn" in await domain.input_words(case)


def break_wikitablequestions(root: Path) -> str:
    (root / "csv/1-csv/2.csv").write_bytes(b"\xff\x00")
    return "own-5"


def break_hitab(root: Path) -> str:
    (root / "tables/raw/own_2.json").write_text("{")
    return "h6"


def break_docvqa(root: Path) -> str:
    (root / "pages/memo.png").write_bytes(b"GIF89a")
    return "4"


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("wikitablequestions", break_wikitablequestions),
        ("hitab", break_hitab),
        ("docvqa", break_docvqa),
    ],
)
def test_a_broken_table_or_page_costs_its_own_cases_only(
    name: str, spoil: Callable[[Path], str], tmp_path: Path
) -> None:
    shutil.copytree(SAMPLES[name], tmp_path / "set")
    broken = spoil(tmp_path / "set")
    domain = opened(name, tmp_path / "set")
    assert domain.cases(domain.tasks[0].id)
    with pytest.raises(ContractError, match=r"cannot be read|not JSON|no usable image"):
        domain.cases(broken)


def test_page_images_are_shown_beside_the_task(tmp_path: Path) -> None:
    domain = opened("docvqa")
    (case,) = domain.cases("1")
    workspace = domain.prepare(case, tmp_path / "work")
    (image,) = workspace.images
    assert image.image_url.url.startswith("data:image/png;base64,")
    assert (tmp_path / "work/page.png").read_bytes()[:4] == b"\x89PNG"

"""The report as a reader has it: opened from disk in a real browser, in both colour schemes."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from browser import ARGUMENTS, CHROMIUM, needs_chromium
from playwright.sync_api import Browser, Page, expect, sync_playwright
from reporting_runs import HOSTILE, World, make_world
from verdictfiles import add_line, write_run

from reporting.comparing.command import Comparison, compare_runs
from reporting.page import command as report
from reporting.page import html as page_module
from reporting.page.overview import accuracy, pairs
from reporting.page.places import Places
from reporting.page.stage import helped
from reporting.runs.runview import RunView


@dataclass
class Watched:
    """A page, and what it did that it should not."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith(("file:", "data:", "blob:"))
                else self.complaints.append(asked.url)
            ),
        )

    def open(self, view: str) -> Page:
        self.page.goto(f"{self.address}#/{view}")
        self.page.wait_for_selector("h1")
        return self.page


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def written(world: World) -> Path:
    output = world.root / "page" / "report.html"
    flags = [str(world.first), str(world.second), "--skill", str(world.skill)]
    assert report.main([*flags, "--prices", "1,2", "--output", str(output)]) == 0
    return output


@pytest.fixture(scope="module")
def browser(written: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def watched(
    browser: Browser, file: Path, scheme: str = "light", width: int = 1280
) -> Iterator[Watched]:
    size = {"width": width, "height": 720}
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    reader = Watched(context.new_page(), file.as_uri())
    reader.watch()
    yield reader
    context.close()
    assert reader.complaints == []


@pytest.fixture(params=["light", "dark"])
def reader(browser: Browser, written: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    yield from watched(browser, written, request.param)


def index_of(file: Path) -> dict[str, object]:
    found = re.search(r'id="index">(.*?)</script>', file.read_text("utf-8"), re.DOTALL)
    assert found
    value: dict[str, object] = json.loads(found[1])
    return value


@needs_chromium
def test_the_overview_shows_what_the_runs_came_to(reader: Watched) -> None:
    page = reader.open("overview")
    expect(page.get_by_role("complementary")).to_contain_text("Recorded replies, not a measurement")
    expect(page.get_by_role("heading", level=2).first).to_have_text("Did it help?")
    expect(page.locator(".helped li")).to_have_count(1)
    expect(page.locator(".helped li")).to_contain_text("second is undecided against first")
    runs = page.get_by_role("table", name=re.compile("Accuracy counts"))
    expect(runs.get_by_role("row", name=re.compile("first"))).to_contain_text("25.0 %")
    expect(runs.get_by_role("row", name=re.compile("second"))).to_contain_text("30.1 % to 95.4 %")
    classes = page.get_by_role("table", name=re.compile("class of failure"))
    expect(classes.get_by_role("row", name=re.compile("first"))).to_contain_text("3")
    flow = page.locator(".flow .amount").all_inner_texts()
    page.get_by_text("As a table, with its files").click()
    funnel = page.get_by_role("table", name=re.compile("learnt from"))
    counts = [re.sub(r"\D+", "", cell) for cell in funnel.locator("td.number").all_inner_texts()]
    assert counts == flow == ["4", "3", "2", "2", "2", "2"]
    expect(funnel).to_contain_text("eval_official_results.json")
    assert page.locator("canvas[role=img][aria-label]").count() >= 5
    gained = page.get_by_role("table", name=re.compile("Tasks of both runs"))
    expect(gained.get_by_role("row", name="first: failed")).to_contain_text("9001")


def test_the_page_says_of_each_run_what_the_comparison_says(world: World) -> None:
    [row] = helped([world.first, world.second], {world.second: "with the new skill"})
    [pair] = compare_runs(Comparison(baseline=world.first, others=(world.second,))).pairs
    assert (row["name"], row["verdict"]) == ("with the new skill", pair.verdict)
    assert f"of {pair.tasks} tasks" in row["text"]
    assert f"{100 * pair.after:.1f} %" in row["text"]
    assert helped([world.first], {}) == []


@needs_chromium
def test_tasks_are_sorted_and_filtered(reader: Watched) -> None:
    page = reader.open("tasks")
    ids = page.locator("table.tasks tbody th")
    expect(ids).to_have_text(["901-3", "902-7", "9001", "9012"])
    heading = page.get_by_role("columnheader", name="Turns")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(ids).to_have_text(["902-7", "9012", "901-3", "9001"])
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(ids).to_have_text(["9001", "901-3", "9012", "902-7"])
    page.get_by_label("Outcome").select_option("failed")
    expect(ids).to_have_text(["9001", "9012", "902-7"])
    page.get_by_label("only where runs differ").check()
    expect(ids).to_have_text(["9001", "9012"])
    page.get_by_label("Search").fill("at g4")
    expect(ids).to_have_text(["9001"])
    expect(page.get_by_role("status")).to_have_text("1 of 4 tasks")
    page.get_by_label("Search").fill("")
    page.get_by_label("Outcome").select_option("all")
    page.get_by_label("only where runs differ").uncheck()
    page.get_by_label("Figures of").select_option("second")
    page.get_by_label("Ended as").select_option("infrastructure")
    expect(ids).to_have_text(["902-7"])


@needs_chromium
def test_a_trajectory_stands_beside_its_cells(reader: Watched) -> None:
    page = reader.open("tasks")
    page.get_by_role("row", name=re.compile("^9001")).get_by_role("link", name="9001").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Task 9001 in first")
    expect(page.get_by_role("heading", level=3, name=re.compile("Step 1"))).to_be_visible()
    expect(page.locator(".step").nth(0)).to_contain_text("echo one")
    expect(page.locator(".step").nth(1)).to_contain_text("badly formed reply")
    output = page.get_by_role("table", name=re.compile("^Output: cells"))
    wrong = output.locator("td.differs[data-cell=G4]")
    expect(wrong).to_contain_text("no stored value")
    expect(wrong).to_contain_text("=SUM(D4:D9)")
    expect(wrong.locator(".sign")).to_have_text("≠")
    expected = page.get_by_role("table", name=re.compile("^Expected: cells"))
    expect(expected.locator("td.differs[data-cell=G4]")).to_contain_text("differs, found blank")
    expect(output.get_by_role("columnheader", name="G", exact=True)).to_be_visible()
    expect(page.get_by_role("tab")).to_have_attribute("aria-selected", "true")
    page.get_by_role("link", name="second").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("in second")
    expect(page.locator(".cellside .judgement")).to_contain_text("All cells of G4:H9 match")
    expect(page.locator("td.differs")).to_have_count(0)


@needs_chromium
def test_blame_is_followed_both_ways(reader: Watched) -> None:
    page = reader.open("lessons")
    written = page.locator(".skill .written a")
    expect(written).to_have_count(2)
    written.first.click()
    evidence = page.locator(".evidence")
    expect(evidence).to_contain_text("map_patches/patch_0001.json")
    expect(evidence).to_contain_text("Payments!G4")
    line = page.locator(".skill [aria-current=true] .no").inner_text()
    evidence.get_by_role("link", name="Payments!G4").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Task 9001")
    expect(page.locator("td.flash[data-cell=G4]").first).to_be_visible()
    page.get_by_role("link", name=f"SKILL.md:{line}").click()
    expect(page.get_by_role("heading", name=f"SKILL.md:{line}")).to_be_visible()
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Diff").click()
    expect(page.locator(".diff tr.added a")).to_have_count(2)
    page.locator(".diff tr.added a").first.click()
    expect(page.get_by_role("heading", name=f"SKILL.md:{line}")).to_be_visible()


@needs_chromium
def test_the_page_is_for_keyboards_and_the_colours_can_be_chosen(reader: Watched) -> None:
    page = reader.open("overview")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for landmark in ("banner", "main", "navigation"):
        expect(page.get_by_role(landmark).first).to_be_visible()  # type: ignore[arg-type]
    page.get_by_label("Colours").select_option("light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 28)")


@needs_chromium
def test_hostile_text_stays_text(browser: Browser, written: Path) -> None:
    for reader in watched(browser, written):
        page = reader.open("tasks")
        for view in ("overview", "tasks", "lessons", "diff"):
            reader.open(view)
        keys = page.evaluate("[...document.querySelectorAll('script[id^=detail-]')].map(s => s.id)")
        for key in keys:
            reader.open(f"task/{key.removeprefix('detail-')}")
            page.wait_for_selector(".step")
        reader.open("tasks")
        page.get_by_role("link", name="9012").first.click()
        expect(page.locator(".step").first).to_contain_text(HOSTILE)
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0
        reader.open("task/__proto__")
        expect(page.locator(".judgement")).to_contain_text("cannot be shown")


@needs_chromium
def test_details_beside_the_page_are_loaded_when_looked_at(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "INLINE_BYTES", 0)
    monkeypatch.setattr(page_module, "FILE_BYTES", 1)
    output = world.root / "large" / "a report.html"
    assert report.main([str(world.first), "--output", str(output)]) == 0
    assert len(list((output.parent / "a report_files").glob("*.js"))) == 4
    for reader in watched(browser, output):
        page = reader.open("tasks")
        page.get_by_role("link", name="9012").first.click()
        expect(page.locator(".step").first).to_contain_text(HOSTILE)
        assert page.evaluate("window.hacked") is None


@needs_chromium
def test_what_is_chosen_stands_in_the_address_and_trajectories_follow_it(reader: Watched) -> None:
    page = reader.open("tasks?outcome=failed&run=0&sort=turns&down=true&type=nothing")
    expect(page.get_by_text("No task fits all of these.")).to_be_visible()
    page.get_by_role("link", name="Show all tasks").click()
    expect(page.locator("table.tasks tbody th")).to_have_count(4)
    page.get_by_label("Outcome").select_option("failed")
    page.get_by_role("columnheader", name="Turns").get_by_role("button").click()
    assert page.url.endswith("#/tasks?outcome=failed&sort=turns&down=true")
    ids = page.locator("table.tasks tbody th")
    order = ids.all_inner_texts()
    assert len(order) == 3
    page.reload()
    expect(ids).to_have_text(order)
    ids.nth(0).get_by_role("link").click()
    near = page.get_by_role("navigation", name="Tasks before and after")
    for task in order[1:]:
        near.get_by_role("link", name=f"{task} →").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"Task {task} ")
    expect(near.get_by_role("link", name="→")).to_have_count(0)
    near.get_by_role("link", name="the 3 tasks that fit").click()
    expect(ids).to_have_text(order)
    reader.open("tasks?run=99&sort=constructor&outcome=%00")
    expect(page.get_by_text("No task fits all of these.")).to_be_visible()


@needs_chromium
def test_two_runs_of_a_task_stand_side_by_side(reader: Watched) -> None:
    page = reader.open("tasks")
    page.get_by_role("row", name=re.compile("^9001")).get_by_role("link", name="9001").click()
    page.get_by_role("link", name="side by side").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Task 9001 in first and second")
    expect(page.locator(".both .steps")).to_have_count(2)
    expect(page.locator(".both td.differs[data-cell=G4]")).to_have_count(2)  # output and expected
    reader.open("both/r0-0/r1-7")
    expect(page.locator(".judgement")).to_contain_text("cannot be shown")


@needs_chromium
def test_remarks_are_kept_and_handed_out(reader: Watched) -> None:
    page = reader.open("tasks")
    expect(page.get_by_role("button", name="Export")).to_have_count(0)
    page.get_by_role("row", name=re.compile("^9012")).get_by_role("link", name="9012").click()
    page.get_by_role("textbox", name="Your remark").fill(HOSTILE)
    page.reload()
    expect(page.get_by_role("textbox", name="Your remark")).to_have_value(HOSTILE)
    reader.open("tasks")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export 1 remark").click()
    [remark] = json.loads(waiting.value.path().read_text())
    assert (remark["run"], remark["task"], remark["remark"]) == ("first", "9012", HOSTILE)


@needs_chromium
@pytest.mark.parametrize("width", [390, 1920])
def test_nothing_is_wider_than_a_phone_nor_than_a_large_screen(
    browser: Browser, written: Path, width: int
) -> None:
    for reader in watched(browser, written, width=width):
        keys = [task["results"][0]["details"] for task in index_of(written)["tasks"]]  # type: ignore[attr-defined]
        tasks = [f"task/{key}" for [key] in keys]
        for view in ("overview", "tasks", "lessons", "diff", *tasks):
            page = reader.open(view)
            page.wait_for_function("document.title.includes('–')")
            assert page.evaluate("document.documentElement.scrollWidth") == width, view


def test_the_page_says_nothing_of_this_machine(world: World, written: Path) -> None:
    text = written.read_text("utf-8")
    for place in (world.root, Path.cwd(), Path.home()):
        assert str(place) not in text
    made = [run["made"] for run in index_of(written)["runs"]]  # type: ignore[attr-defined]
    assert all(one["begun"] and one["data"] == "data" for one in made)


def test_paths_are_taken_off_where_a_name_ends(tmp_path: Path) -> None:
    places = Places([tmp_path / "a", tmp_path / "b" / "c"])
    said = f"{tmp_path}/a/x.json {tmp_path} {tmp_path}2/y /mnt{tmp_path}/z {tmp_path}."
    assert places.hidden(said) == f"a/x.json . {tmp_path}2/y /mnt{tmp_path}/z .."
    assert Places([Path("/")]).hidden("/etc/x") == "/etc/x"


def test_every_number_has_its_file_and_runs_their_mark(world: World, written: Path) -> None:
    index = index_of(written)
    for run in index["runs"]:  # type: ignore[attr-defined]
        assert run["recorded"]
        assert all((world.root / file).is_file() for file in run["sources"].values())
        assert run["cost"] == pytest.approx((10_000 * 1 + 40 * 2) / 1e6)
    steps = index["funnel"]
    assert all((world.root / s["source"]).exists() for s in steps)  # type: ignore[attr-defined]


def test_a_page_is_the_same_whenever_it_is_written(world: World, written: Path) -> None:
    again = world.root / "again" / "report.html"
    flags = [str(world.first), str(world.second), "--skill", str(world.skill)]
    assert report.main([*flags, "--prices", "1,2", "--output", str(again)]) == 0
    assert again.read_bytes() == written.read_bytes()


def test_a_damaged_run_is_shown_with_what_there_is(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(world.first, run)
    (run / "outputs" / "run.json").unlink()
    (run / "outputs" / "eval_official_results.json").write_text("{")
    for book in run.rglob("*_output.xlsx"):
        book.write_bytes(b"PK not a workbook")
    next((run / "logs").glob("*901-3*")).write_bytes(b"\xff\xfe\x00")
    assert report.main([str(run)]) == 0
    assert "2 files could not be used" in capsys.readouterr().out
    text = (run / "report.html").read_text()
    assert "no such file" in text
    assert "cannot be read: BadZipFile" in text
    assert "is no trajectory log" in text


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["nowhere"], "no such run folder"),
        (["."], "holds no run"),
        ([".", "--output", "x.txt"], "is an .html file"),
    ],
)
def test_wrong_input_is_one_line(
    flags: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert report.main(flags) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


@needs_chromium
def test_a_long_id_widens_no_page(browser: Browser, tmp_path: Path) -> None:
    """A benchmark of one's own may have ids without a blank to break at."""
    long = "x" * 200
    run = write_run(tmp_path / "run", {"t1": [True], long: [False], "t2": [True]})
    for task in ("t1", long, "t2"):
        add_line(run, task)
    output = tmp_path / "report.html"
    assert report.main([str(run), "--output", str(output)]) == 0
    keys = [task["results"][0]["details"] for task in index_of(output)["tasks"]]  # type: ignore[attr-defined]
    for reader in watched(browser, output, width=390):
        for view in ("overview", "tasks", *(f"task/{key}" for [key] in keys)):
            page = reader.open(view)
            page.wait_for_function("document.title.includes('–')")
            assert page.evaluate("document.documentElement.scrollWidth") == 390, view


def test_the_page_counts_gains_and_losses_as_the_comparison_does(tmp_path: Path) -> None:
    one, two = write_run(tmp_path / "a", "110010"), write_run(tmp_path / "b", "011011")
    for run, task, status in (
        *((one, "t0", "refused"), (two, "t2", "refused")),
        *((one, "t4", "infrastructure"), (two, "t5", "completed")),
    ):
        add_line(run, task, status=status)
    [pair] = compare_runs(Comparison(baseline=one, others=(two,))).pairs
    [shown] = pairs([RunView.load(one), RunView.load(two)], ["a", "b"])
    assert shown["gained"] == [change.id for change in pair.gained] == ["t5"]
    assert shown["lost"] == [change.id for change in pair.lost] == []
    assert sum(len(shown[kind]) for kind in ("both", "lost", "gained", "neither")) == pair.tasks


def test_an_accuracy_is_counted_where_a_summary_does_not_fit_its_results(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "1100")
    file = run / "outputs" / "eval_official_results.json"
    value = json.loads(file.read_text())
    value["summary"] |= {"fully_correct_instances": 9, "total_instances": 4}
    file.write_text(json.dumps(value))
    shown = accuracy(RunView.load(run))
    assert shown is not None
    assert (shown["solved"], shown["total"], shown["share"]) == (2, 4, 0.5)

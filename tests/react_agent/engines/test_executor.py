"""The seam between the queue and where cases are worked on; the engine itself is in test_ray."""

import asyncio
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import MINI, ROOT, Commands, copying_agent, with_server

from react_agent.cluster.worker import Opening, Worker
from react_agent.errors import ContractError
from react_agent.models.settings import ModelSettings
from react_agent.runs.casework import Assignment, RolloutSite
from react_agent.runs.places import RunPlace
from react_agent.runs.settings import Rollouts

KEY = "sk-the-key-of-the-driver"


def rollouts(folder: Path) -> Rollouts:
    return Rollouts(
        data_path=MINI,
        output_dir=folder / "outputs",
        working_dir=folder / "work",
        model=ModelSettings(model="m", default_temperature=0.0),
    )


def opening(site: RolloutSite, tokens: dict[str, str], **environment: str) -> Opening:
    return Opening(str(ROOT), environment, tokens, 1, pickle.dumps(site))


def test_without_the_extra_the_message_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None\nfrom spreadsheet_agent.rollouts import main\n"
    argv = [*("--data_path", str(MINI), "--executor", "ray", "--output_dir", str(tmp_path / "o"))]
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main({argv!r}))"],
        cwd=ROOT,
        env=os.environ | {"OPENAI_API_KEY": KEY},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "pip install 'trace2skill-toolkit[ray]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_local_start_never_imports_the_engine() -> None:
    code = "import sys, react_agent.runs.session; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_station_works_as_the_driver_would(tmp_path: Path) -> None:
    """Sent as bytes to a process that knows nothing else, with the key in memory only."""

    async def steps(user: Commands) -> None:
        site = RolloutSite(rollouts(tmp_path))
        case = site.domain.cases("9001")[0]
        place = RunPlace(
            41, tmp_path / "outputs", site.working, site.logs, {"model": "m", "seed": 41}
        )
        worker = Worker()
        sent = opening(site, {}, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=user.server.url)
        assert KEY not in repr(sent)
        settings = (await worker.open(sent, None)).value
        async with site.open() as here:
            assert settings == here.settings
        answer = await worker.work(Assignment(place, case, False, "print"))
        await worker.close()
        assert (answer.value.status, answer.value.success) == ("completed", True)
        assert Path(answer.value.log_file).is_file()
        assert {h["Authorization"] for h in user.server.headers} == {f"Bearer {KEY}"}
        assert not list((tmp_path / "outputs").rglob("results.jsonl"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())
        with_server(copying_agent, tmp_path, steps)


@pytest.mark.parametrize("text", [None, "another run's"])
def test_a_folder_that_is_not_shared_is_refused(tmp_path: Path, text: str | None) -> None:
    token = tmp_path / ".shared"
    if text:
        token.write_text(text)
    sent = opening(RolloutSite(rollouts(tmp_path)), {str(token): "the driver's"})
    answer = asyncio.run(Worker().open(sent, None))
    assert isinstance(answer.error, ContractError)
    assert f"{tmp_path} is not the folder that the driver sees" in str(answer.error)


def test_closing_a_station_cancels_what_is_in_flight_and_waits_for_it(tmp_path: Path) -> None:
    ended: list[str] = []

    class Slow:
        async def work(self, item: Any) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                ended.append("closed")

    async def session() -> None:
        worker = Worker()
        worker._bench = Slow()  # type: ignore[assignment]
        working = [asyncio.ensure_future(worker.work(n)) for n in range(3)]
        await asyncio.sleep(0.01)
        await worker.close()
        assert ended == ["closed"] * 3
        assert all(
            isinstance(e, asyncio.CancelledError)
            for e in await asyncio.gather(*working, return_exceptions=True)
        )

    asyncio.run(session())

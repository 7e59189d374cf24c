"""Every folder that a run writes belongs to one start at a time."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from commands import Commands, copying_agent, with_server
from hypothesis import given
from hypothesis import strategies as st

from react_agent.errors import ContractError
from react_agent.lock import only_starts


@pytest.mark.parametrize("shared", ["output_dir", "working_dir", "log_dir"])
def test_a_second_run_on_one_folder_is_told_who_holds_it(tmp_path: Path, shared: str) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def held(body: dict[str, Any]) -> Any:
        begun.set()
        await go_on.wait()
        return copying_agent(body)

    async def steps(user: Commands) -> None:
        first = await user.start("run_spreadsheetbench.py", *user.rollout_flags())
        await asyncio.wait_for(begun.wait(), 60)
        names = ("output_dir", "working_dir", "log_dir")
        own = [w for name in names for w in (f"--{name}", str(tmp_path / "other" / name))]
        mine = {"output_dir": user.outputs, "working_dir": tmp_path / "work", "log_dir": user.logs}
        common = [f"--{shared}", str(mine[shared])]
        code, said = await user.rollouts(*own, *common)
        assert code == 2
        last = said.strip().splitlines()[-1]
        assert last.startswith(f"error: {mine[shared].resolve()} is being worked on by process")
        go_on.set()
        await first.communicate()
        assert first.returncode == 0
        results = json.loads((user.outputs / "results.json").read_text())
        assert results["success_rate"] == 1.0
        code, said = await user.rollouts()
        assert code == 0, said

    with_server(held, tmp_path, steps)


@given(st.lists(st.sampled_from(["a", "b", "a/../b", "./a"]), max_size=5))
def test_a_folder_named_twice_is_held_once(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("held")
    for name in "ab":
        (root / name).mkdir()
    with only_starts(root / name for name in names):
        for name in names:
            with pytest.raises(ContractError, match="worked on"), only_starts([root / name]):
                raise AssertionError("held twice")

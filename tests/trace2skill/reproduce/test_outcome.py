"""What a reproduction says at its end can be pasted into the shell that started it."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """import sys
from trace2skill.cli import main
try:
    main(["reproduce", "--help"])
except SystemExit:
    pass
from pathlib import Path
from trace2skill.reproduce.outcome import _run
print(_run("lessons", Path("outputs/demo")))
"""


@pytest.mark.parametrize("on_path", [True, False])
def test_a_command_is_named_as_it_was_started_where_it_is_not_on_the_path(
    tmp_path: Path, *, on_path: bool
) -> None:
    command = tmp_path / "a place" / "trace2skill"
    command.parent.mkdir()
    command.write_text(SCRIPT)
    command.chmod(0o755)
    path = f"{command.parent}:/usr/bin:/bin" if on_path else "/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, str(command)],
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    named = "trace2skill" if on_path else f"'{command}'"
    assert done.stdout.splitlines()[-1] == f"{named} lessons outputs/demo"

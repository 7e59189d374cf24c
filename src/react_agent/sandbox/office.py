"""The LibreOffice of this machine, where it has one: found, shown in the sandbox, named."""

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
NONE = "none"
_SECONDS = 60


def find_office() -> Path | None:
    found = shutil.which("soffice") or shutil.which("libreoffice")
    return Path(found).absolute() if found else None


def installation(program: Path) -> list[Path]:
    """What of it lies beyond the folders of the system that every sandbox shows."""
    program = program.resolve()
    folder = program.parent
    needed = folder.parent if folder.name == "program" else program
    return [] if needed.is_relative_to("/usr") else [needed]


@cache
def office_version() -> str:
    """`none` without one. Asked of the program itself: one that does not start is none either."""
    program = find_office()
    if program is None:
        return NONE
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "PATH": os.environ.get("PATH", SYSTEM_PATH)}
        try:
            done = subprocess.run(
                [program, "--version"],
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return NONE
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return found.group() if found and done.returncode == 0 else NONE

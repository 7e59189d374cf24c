"""A wheel also holds what lies outside the packages and is a default; src/react_agent/bundled.py
finds it there."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
OUTSIDE = ("config", "gen_config", "data/mini")


class WithDefaults(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        beside = Path(self.build_lib) / "react_agent" / "defaults"
        for folder in OUTSIDE:
            copytree(HERE / folder, beside / folder, dirs_exist_ok=True)


setup(cmdclass={"build_py": WithDefaults})

"""The small skill that most tests here evolve."""

from pathlib import Path

import pytest
from evolving import make_skill


@pytest.fixture
def skill(tmp_path: Path) -> Path:
    return make_skill(tmp_path)

"""The workbook that most tests here change or compare with; it stays as it is."""

from pathlib import Path

import pytest
from workbooks import write_gold


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gold(tmp_path_factory.mktemp("gold") / "gold.xlsx")

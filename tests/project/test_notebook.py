"""The notebook of docs/ goes through the whole loop, as a reader would run it."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from project import ROOT

NOTEBOOK = ROOT / "docs" / "loop.ipynb"


def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "docs").mkdir()
    notebook: Any = nbformat.read(NOTEBOOK, 4)
    place = {"metadata": {"path": str(tmp_path / "docs")}}
    NotebookClient(notebook, timeout=150, resources=place).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.get("text", "") for output in outputs)
    assert "better: 41.7% -> 100.0%" in said  # the figures of the demo
    assert [output for output in outputs if "image/png" in output.get("data", {})]
    assert (tmp_path / "outputs" / "notebook" / "report.html").is_file()
    shutil.rmtree(tmp_path / "outputs")


def test_it_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, 4).cells
    assert all(not c.get("outputs") and not c.get("execution_count") for c in cells)

"""What the files of a run, an analysis, an evolution and a reproduction are called, and where
they lie: the only place that spells it."""

import re
from dataclasses import dataclass
from pathlib import Path

from react_agent.errors import ContractError

OUTPUTS, LOGS, WORK = "outputs", "logs", "work"
"""Folders of a run."""
RUN_SETTINGS = "run.json"
RESULT_LINES = "results.jsonl"
RESULTS = "results.json"
REQUESTS = "requests"
"""Folder beside the outputs: what clients asked of their model, a file for each case."""
VERDICTS = "eval_official_results.json"
"""Files beside the outputs."""
BUDGET = "budget.jsonl"
SIGNALS = "signals.jsonl"
"""At the root of a run that was imported from sessions."""

MEMORY_BANK = "memory_bank.jsonl"
PARSED = "_parsed.json"
"""Ends the name of a record file that lies beside its analysis folder."""
ANALYSIS_SETTINGS = "analysis_run.json"
ANALYSIS_SUMMARY = "analysis_summary.json"
REPORT, CASE_FILE, GATE = "analysis_report.md", "analysis.json", "gate.json"
FLAG, CHAT = "evaluate_passed.flag", "error_analysis_chat.md"
"""Files of one case of the agentic analyst, `FLAG` only when the gate held."""
UNPARSED = "failed_to_parse"
"""In an analysis folder: reports without an item."""

INTERMEDIATES = "intermediates"
CALLS = "calls"
"""Below the intermediates: paid replies."""
STATE = "state.json"
"""Of an evolution, in its intermediates, and of a reproduction: how far it is."""
PROVENANCE = "provenance.json"
FINAL_PATCH = "final_patch.json"
EVOLUTION_SUMMARY = "evolution_summary.json"
CHANGE_LOG = "change.log"

COMMANDS, REPRODUCTION = "commands.sh", "reproduction.json"
SELECTION = "selection.json"
COMPARISON_JSON, COMPARISON_TEXT = "comparison.json", "comparison.md"
REPORT_PAGE = "report.html"

_SEED = "seed_"


def analysis_folder(kind: str) -> str:
    return f"{kind}_analysis"


def report_prefix(kind: str) -> str:
    """Begins the name of a report that one call gave."""
    return f"{analysis_folder(kind)}_"


def record_file(kind: str) -> str:
    """In an analysis folder, where no other place is named."""
    return f"parsed_{kind}_records.json"


def seed_name(seed: int) -> str:
    return f"{_SEED}{seed}"


def of_seed(file: Path, seed: int) -> Path:
    """`results.json` -> `results_seed_41.json`: a file that is named for all seeds of a run."""
    return file.with_name(f"{file.stem}_{seed_name(seed)}{file.suffix or '.json'}")


def seed_of(folder: Path) -> str:
    """Empty for a folder that is not one seed's."""
    return folder.name.removeprefix(_SEED) if folder.name.startswith(_SEED) else ""


def seed_folders(folder: Path) -> list[Path]:
    """In the order of their numbers."""

    def by_number(path: Path) -> list[int | str]:
        pieces = re.split(r"(\d+)", path.name)
        return [int(piece) if piece.isdecimal() else piece for piece in pieces]

    return sorted((p for p in folder.glob(f"{_SEED}*") if p.is_dir()), key=by_number)


@dataclass(frozen=True)
class RunLayout:
    """Where the parts of one run (of one seed) lie."""

    root: Path
    outputs: Path
    logs: Path
    work: Path
    verdicts: Path
    seed_folder: str = ""

    @classmethod
    def below(cls, root: Path, prefix: str = "") -> "RunLayout":
        """As the published commands lay a run out; `prefix` where several share a folder."""
        outputs = root / f"{prefix}{OUTPUTS}"
        logs, work = root / f"{prefix}{LOGS}", root / f"{prefix}{WORK}"
        return cls(root, outputs, logs, work, outputs / VERDICTS)

    @classmethod
    def find(cls, path: Path) -> "RunLayout":
        """Of a run folder, an outputs folder or a verdict file.

        Raises ContractError when `path` is neither a folder nor a file.
        """
        verdicts = VERDICTS
        if path.is_file():
            path, verdicts = path.parent, path.name
        if not path.is_dir():
            raise ContractError(f"{path}: no such run folder or verdict file")
        outputs = path / OUTPUTS if (path / OUTPUTS).is_dir() else path
        seed = outputs.name if seed_of(outputs) else ""
        above = outputs.parent if seed else outputs
        root = above.parent if above.name == OUTPUTS else above
        logs = next((p for p in (root / LOGS, above / LOGS) if p.is_dir()), root / LOGS)
        work = root / WORK
        return cls(root, outputs, logs / seed, work / seed, outputs / verdicts, seed)

    @property
    def settings(self) -> Path:
        return self.outputs / RUN_SETTINGS

    @property
    def lines(self) -> Path:
        return self.outputs / RESULT_LINES

    @property
    def results(self) -> Path:
        return self.outputs / RESULTS

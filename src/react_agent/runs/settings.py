"""Settings of rollouts, scoring and triage. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.engines.settings import ExecutorSettings
from react_agent.memory.settings import MemorySettings
from react_agent.models.settings import ModelSettings
from react_agent.settings import Settings, part, setting

LogFormat = Literal["markdown", "jsonl"]
DOMAIN = "spreadsheetbench"
DOMAIN_HELP = "the benchmark: a name, or module:attribute of one of your own"
INDEX_HELP = "data set folder or index file"


@dataclass(frozen=True, kw_only=True)
class AgentSettings(Settings):
    """Who works on the cases, and with what."""

    agent: str = setting(
        "cli_only: without a skill; cli_skill_preloaded: with one", "cli_skill_preloaded"
    )
    harness: str = setting("what runs the agent: a name, or module:attribute", "react")
    command: str | None = setting(
        "with --harness command: the program and its arguments, run in the case's folder; with "
        "--harness deepagents: FILE.py:FUNCTION that makes the agent",
        None,
    )
    skill_offer: Literal["native", "preloaded"] | None = setting(
        "with a client as the harness: the skill in its own folder, or whole in the prompt",
        None,
        default_text="native where the client knows skills",
    )
    skills_dir: Path | None = setting(
        "folder of skills, or one skill", None, default_text="those that come with the benchmark"
    )
    skill: str | None = setting(
        "which skill", None, default_text="xlsx if present, else the first by name"
    )
    prompts: Path | None = setting(
        "prompts of your own, each in place of the one of its name in spreadsheet_agent/prompts or "
        "src/react_agent/prompts",
        None,
        unit="FOLDER",
    )
    agent_packages: tuple[str, ...] = setting(
        "packages of the toolkit's environment that the agent's Python offers besides the "
        "benchmark's and the skill's, comma separated",
        (),
        unit="NAMES",
    )
    agent_python: Path | None = setting(
        "a virtual environment or interpreter of your own as the agent's Python",
        None,
        unit="PATH",
    )
    max_turns: int = setting("model replies per case", 20, least=1)
    case_timeout: float | None = setting(
        "end a case before the turn that would start later; time that the endpoint was slow to "
        "accept a call, failed or was down is not counted",
        None,
        unit="SECONDS",
        least=0,
    )
    workers: int = setting("cases in flight", 1, least=1)
    tool_slots: int | None = setting(
        "shell commands at once", None, least=1, default_text="2 x cores"
    )
    longest_first: Path | None = setting(
        "output folder of an earlier run: start with what took longest there", None, unit="RUN"
    )
    sandbox: Literal["auto", "bwrap", "none"] = setting("where the agent's shell runs", "auto")


@dataclass(frozen=True, kw_only=True)
class CaseChoice(Settings):
    """Which cases are run, and how often."""

    start_idx: int = setting("first record", 0)
    end_idx: int | None = setting("record after the last", None)
    instance_ids: tuple[str, ...] = setting("only these, comma separated", (), unit="IDS")
    shuffle_seed: int | None = setting("shuffle the chosen records", None)
    sample: int | None = setting("take this many of the chosen records", None, least=1)
    missing_only: bool = setting("also run again what left no output", False)
    seeds: tuple[int, ...] = setting("sent with each request, comma separated", (), unit="SEEDS")
    num_random_seeds: int = setting("this many drawn seeds", 1, least=1)
    repeat: int = setting("this many runs, seeds 0, 1, ...", 1, least=1)


@dataclass(frozen=True, kw_only=True)
class Rollouts(Settings):
    """One agent over a slice of a benchmark, once or with several seeds."""

    data_path: Path = setting(INDEX_HELP)
    domain: str = setting(DOMAIN_HELP, DOMAIN)
    output_dir: Path = setting("results", Path("outputs/spreadsheetbench"))
    working_dir: Path | None = setting("case folders", None, default_text="a new temporary folder")
    log_dir: Path | None = setting("trajectory logs", None, default_text="<output_dir>/logs")
    log_format: LogFormat = setting("of the trajectory logs", "markdown")
    results_file: Path | None = setting(
        "summary of the run", None, default_text="<output_dir>/results.json"
    )
    overwrite: bool = setting("forget an earlier run and start over", False)
    agent: AgentSettings = part(AgentSettings(), "agent")
    memory: MemorySettings = part(MemorySettings(), "memory")
    cases: CaseChoice = part(CaseChoice(), "cases and seeds")
    executor: ExecutorSettings = part(ExecutorSettings(), "executor")
    model: ModelSettings = part(
        ModelSettings(model="gpt-4o", default_temperature=0.0, released_temperature=0.7), "model"
    )


@dataclass(frozen=True, kw_only=True)
class Triage(Settings):
    """Verdicts joined with logs."""

    eval_results: Path = setting(
        "written by evaluate_with_official.py; with --repeat the folder of the seed_* ones"
    )
    log_dir: Path | None = setting("trajectory logs", None, default_text="logs beside the outputs")
    failed_only: bool = setting("list failed runs only", False)
    passed_only: bool = setting("list solved runs only", False)
    csv: Path | None = setting("also write the list as CSV", None, unit="FILE")
    no_details: bool = setting("the summary without the list", False)
    repeat: int = setting("above 1: every seed_* folder", 1, least=1)
    base_log_dir: Path | None = setting("with --repeat: holds the seed_* log folders", None)

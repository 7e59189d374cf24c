"""The evidence of one case: its log as text, and what the data set says of it."""

from pathlib import Path
from typing import Any

from analysis.lessons.leaks import LeakScan
from analysis.lessons.selection import Subject
from react_agent.filenames import case_folder
from react_agent.layout import seed_name
from react_agent.runs.logs import Log
from react_agent.seams import Case, Domain
from react_agent.text import cut_middle

LOG_CHARACTERS = 240_000
"""Of a log in a prompt: some 70,000 tokens, so that a run of 100 turns is mostly shown whole and a
window of 128 K has room for the analyst's own turns."""
SMALLEST_LOG = 8_000
"""A model whose window does not take this cannot be asked."""
MESSAGE_CHARACTERS = 12_000
"""Of one message of a log that is too long: what was typed or printed in bulk goes first."""


def log_text(log: Log, limit: int = LOG_CHARACTERS) -> tuple[str, bool]:
    """The run as a prompt shows it, and whether anything of it had to be cut.

    The agent's own instructions are left out: its skill is shown apart, and the rest is the form of
    its replies, the same in every run.
    """
    whole = _joined(log, limit)
    if len(whole) <= limit:
        return whole, False
    return cut_middle(_joined(log, min(limit, MESSAGE_CHARACTERS)), limit), True


def _joined(log: Log, share: int) -> str:
    return "\n\n".join(
        f"[{number}] {message.role.upper()}\n{cut_middle(message.text, share)}"
        for number, message in enumerate(log.messages, start=1)
        if message.role != "system"
    )


def seen_text(log: Log) -> str:
    """All that was said to the agent and by it: its words are no secret to it."""
    return "\n".join(message.text for message in log.messages)


def case_of(domain: Domain[Any], subject: Subject) -> Case:
    """The data set's case that a log is of.

    Raises ContractError when the task is not in the data set or the input is not among its files.
    """
    recorded = str(subject.log.result.get("input_file") or "")
    case: Case = domain.case(subject.name.task_id, subject.name.case, recorded)
    return case


def work_folder(work_dir: Path, subject: Subject, case: Case) -> Path:
    """Where the run left its files."""
    base = work_dir if subject.seed is None else work_dir / seed_name(subject.seed)
    return base / case_folder(case.task_id, case.name)


async def leak_scan(domain: Domain[Any] | None, subject: Subject) -> LeakScan:
    """What the items of a case must not give away; its answers only with the data set."""
    seen = seen_text(subject.log)
    if domain is None:
        return LeakScan.of_case(seen=seen)
    case = case_of(domain, subject)
    facts = await domain.facts(case, None)
    return LeakScan.of_case(facts.answers, case.task.instruction, seen)

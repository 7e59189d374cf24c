"""ReasoningBank as a baseline: a bank from a run, and its notes before the tasks of another."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from experiments import SAMPLES, Agent, failed_run, opened, rollouts
from stub_server import Fault, StubServer, raw, refusal, reply

from analysis.analysts.memory_bank import build
from analysis.analysts.settings import MemoryBuilding
from react_agent.errors import ContractError, EndpointRefused
from react_agent.memory.bank import Bank, BankEntry, MemoryItem
from react_agent.memory.recall import open_memory
from react_agent.memory.settings import MemorySettings
from react_agent.model import Message
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.settings import BudgetSettings
from react_agent.runs import session
from react_agent.runs.logs import find_logs, read_log
from react_agent.runs.places import Session
from react_agent.runs.settings import Rollouts
from reporting.comparing.command import Comparison, compare_runs
from reporting.comparing.comparison_text import terminal
from spreadsheetbench.scoring import stage
from spreadsheetbench.scoring.settings import Scoring

NAME = "math"
MODEL = "Qwen3-Embedding-8B"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def vector(text: str) -> list[float]:
    """How often each letter stands in the text: the same at every call, unlike for unlike texts."""
    task = text.split("\nQuery: ")[-1].lower()
    return [1e-3 + task.count(letter) for letter in LETTERS]


def nearest(name: str, task_id: str) -> str:
    """By the same vectors, worked out without the code under test."""
    tasks = {task.id: vector(task.instruction) for task in opened(name).tasks}
    mine = tasks.pop(task_id)

    def cosine(other: list[float]) -> float:
        def size(v: list[float]) -> float:
            return sum(x * x for x in v) ** 0.5

        return sum(a * b for a, b in zip(mine, other, strict=True)) / size(mine) / size(other)

    return max(tasks, key=lambda one: cosine(tasks[one]))


class Writer:
    """Writes one note a trajectory, which names the task that it was made of."""

    def __init__(self, name: str) -> None:
        self.ids = {task.instruction: task.id for task in opened(name).tasks}
        self.prompts: list[str] = []

    def __call__(self, body: dict[str, Any]) -> Any:
        system, user = (Message.model_validate(one).text for one in body["messages"][:2])
        self.prompts.append(system)
        task = next(id for text, id in self.ids.items() if text.strip() in user)
        kind = "Failure" if "failed its task" in system else "Success"
        title = f"## Title\nHint [{task}]\n"
        return reply(f"# {kind} Memory Item 1\n{title}## Description\nd\n## Content\nLook twice.")


class Both:
    """An agent, and beside it a server of embeddings."""

    def __init__(self, agent: Any, embed: Callable[[dict[str, Any]], Any] | None = None) -> None:
        self.agent, self.embed = agent, embed or embedded
        self.embedded: list[str] = []

    def __call__(self, body: dict[str, Any]) -> Any:
        if "input" not in body:
            return self.agent(body)
        self.embedded += body["input"]
        return self.embed(body)


def embedded(body: dict[str, Any]) -> Any:
    rows = [{"index": n, "embedding": vector(text)} for n, text in enumerate(body["input"])]
    return {"data": rows[::-1], "usage": {"prompt_tokens": 3}}


def served(handler: Any, work: Callable[[str], Any]) -> tuple[Any, StubServer]:
    async def go() -> tuple[Any, StubServer]:
        async with StubServer(handler) as server:
            return await work(server.url), server

    return asyncio.run(go())


def bank_of(folder: Path, url: str, **more: Any) -> MemoryBuilding:
    model = ModelSettings(model="m", base_url=url, api_key="EMPTY", default_temperature=1.0)
    budget = more.pop("budget", model.budget)
    name = more.pop("domain", NAME)
    return MemoryBuilding(
        run_folder=folder,
        domain=name,
        data_path=SAMPLES[name],
        model=replace(model, budget=budget),
        max_workers=1,
        **more,
    )


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of mathematics and the bank made of it."""
    folder = tmp_path_factory.mktemp("taught")
    failed_run(NAME, folder)
    served(Writer(NAME), lambda url: build(bank_of(folder, url)))
    return folder


def remembering(folder: Path, url: str, bank: Path, name: str = NAME, **more: Any) -> Rollouts:
    memory = MemorySettings(memory="reasoningbank", memory_bank=bank, **more)
    return replace(rollouts(name, SAMPLES[name], folder, url), memory=memory)


def run(folder: Path, bank: Path, handler: Any, name: str = NAME, **more: Any) -> Session:
    given = served(handler, lambda url: session.run(remembering(folder, url, bank, name, **more)))
    done: Session = given[0]
    return done


def reminders(folder: Path) -> dict[str, str]:
    """By task: whose notes its log says that it had; checked against the task message."""
    found = {}
    for name, path in find_logs(folder / "logs"):
        log = read_log(path)
        source = str(log.result["memory"])
        assert (f"Hint [{source}]" in log.messages[1].text) is (source != "none")
        found[name.task_id] = source
    return found


@pytest.mark.parametrize("name", ["math", "docvqa", "hitab"])
def test_each_task_is_preceded_by_the_notes_of_the_most_similar_other_one(
    name: str, tmp_path: Path
) -> None:
    teacher, run_of = tmp_path / "teacher", tmp_path / "run"
    failed_run(name, teacher)
    writer = Writer(name)
    bank, _ = served(writer, lambda url: build(bank_of(teacher, url, domain=name)))
    tasks = [task.id for task in opened(name).tasks]
    assert sorted(entry.task for entry in bank.entries) == sorted(tasks)
    assert [entry.task for entry in bank.entries if not entry.solved] == tasks[:1]
    assert len(writer.prompts) == len(tasks)

    both = Both(Agent(name, SAMPLES[name]))
    file = teacher / "memory_bank.jsonl"
    assert run(run_of, file, both, name, embedding_model=MODEL).owed == 0
    assert reminders(run_of) == {task: nearest(name, task) for task in tasks}
    assert len(both.embedded) == 2 * len(tasks), "each text once: as a task, and as a question"

    again = Both(Agent(name, SAMPLES[name]))
    assert run(run_of, file, again, name, embedding_model=MODEL).runs[0].kept == len(tasks)
    other_run = run(tmp_path / "other", file, again, name, embedding_model=MODEL)
    assert (other_run.owed, again.embedded) == (0, []), "vectors are kept beside the bank"


def test_a_bank_is_gone_on_with_and_no_trajectory_is_paid_for_twice(tmp_path: Path) -> None:
    failed_run(NAME, tmp_path)
    writer, count = Writer(NAME), len(opened(NAME).tasks)
    capped = BudgetSettings(max_calls=3)
    bank, _ = served(writer, lambda url: build(bank_of(tmp_path, url, budget=capped)))
    assert (len(writer.prompts), len(bank.entries)) == (3, 3)
    bank, _ = served(writer, lambda url: build(bank_of(tmp_path, url)))
    assert (len(writer.prompts), len(bank.entries)) == (count, count)
    served(writer, lambda url: build(bank_of(tmp_path, url)))
    assert len(writer.prompts) == count
    assert len({*writer.prompts}) == 2, "failures and successes have a prompt of their own"


def test_a_run_goes_on_with_the_same_memory_only(tmp_path: Path, taught: Path) -> None:
    file = taught / "memory_bank.jsonl"
    agent = Both(Agent(NAME, SAMPLES[NAME]))
    run(tmp_path, file, agent, embedding_model=MODEL)
    fewer = tmp_path / "fewer.jsonl"
    Bank(Bank.load(file).entries[1:]).save(fewer)
    with pytest.raises(ContractError, match=r"memory\.retrieval: 'embedding' -> 'words'"):
        run(tmp_path, file, agent)
    with pytest.raises(ContractError, match=r"memory\.bank: "):
        run(tmp_path, fewer, agent, embedding_model=MODEL)
    with pytest.raises(ContractError, match="memory: "):
        served(agent, lambda url: session.run(rollouts(NAME, SAMPLES[NAME], tmp_path, url)))


@dataclass(frozen=True)
class Asked:
    id: str
    instruction: str
    instruction_type: str = ""


def test_without_an_embedding_model_words_decide_and_it_is_said(tmp_path: Path) -> None:
    texts = ["the sum of the first odd numbers", "marbles in a red jar", "Zwölf", "Marbles, a lot"]
    notes = (MemoryItem(title="Hint"),)
    bank = [
        BankEntry(task=str(n), instance=str(n), text=text, solved=True, items=notes)
        for n, text in enumerate(texts)
    ]
    Bank(tuple(bank)).save(tmp_path / "bank.jsonl")
    memory = MemorySettings(memory="reasoningbank", memory_bank=tmp_path / "bank.jsonl")

    async def recalled(*tasks: Asked) -> list[str]:
        async with open_memory(memory, ModelSettings()) as opened:
            assert opened
            assert opened.described["retrieval"] == "words"
            return [(await opened.recall(task)).source for task in tasks]

    found = recalled(
        Asked("a", "How many red marbles does a jar hold?"),
        Asked("1", "How many red marbles does a jar hold?"),
        Asked("b", "  MARBLES in a red  jar"),
        Asked("c", "nothing alike"),
        Asked("d", ""),
    )
    assert asyncio.run(found) == ["1", "3", "3", "", ""], "never the own task, nor the same text"


def test_it_stands_in_a_comparison_under_its_own_name(tmp_path: Path, taught: Path) -> None:
    both = Both(Agent(NAME, SAMPLES[NAME]))
    run(tmp_path, taught / "memory_bank.jsonl", both, embedding_model=MODEL)
    scoring = Scoring(data_path=SAMPLES[NAME], domain=NAME, output_dir=tmp_path / "outputs")
    asyncio.run(stage.run(scoring))
    compared = compare_runs(Comparison(baseline=taught, others=(tmp_path,)))
    assert [one.memory for one in compared.standings] == ["", f"reasoningbank (by {MODEL})"]
    shown = " ".join(terminal(compared).split())
    assert f"memory reasoningbank (by {MODEL})" in shown


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda body: refusal(404, "no such route"), "leave out --embedding_model"),
        (lambda body: _rows(body, [float("nan"), 1.0]), "none: empty, zero, or not finite"),
        (lambda body: _rows(body, [0.0, 0.0]), "none: empty, zero, or not finite"),
        (lambda body: _rows(body, [10**400, 1.0]), "none: empty, zero, or not finite"),
        (lambda body: _rows(body, []), "none: empty, zero, or not finite"),
        (lambda body: _rows(body, "AACAPwAAAEA="), "none: empty, zero, or not finite"),
        (lambda body: _rows(body, [1.0], [1.0, 2.0]), "unlike length"),
    ],
    ids=["404", "nan", "zero", "huge", "empty", "base64", "lengths"],
)
def test_vectors_that_are_none_end_the_run_before_it_begins(
    answer: Any, said: str, tmp_path: Path, taught: Path
) -> None:
    both = Both(Agent(NAME, SAMPLES[NAME]), answer)
    more = {"embedding_model": MODEL, "embedding_cache": tmp_path / "cache"}
    with pytest.raises(EndpointRefused, match=said):
        run(tmp_path, taught / "memory_bank.jsonl", both, **more)
    assert not (tmp_path / "outputs/run.json").exists()


def _row(place: int, numbers: Any) -> dict[str, Any]:
    return {"index": place, "embedding": numbers}


def _rows(body: dict[str, Any], *vectors: Any) -> Any:
    """The vectors in turn, as JSON with NaN, which servers in Python write."""
    rows = [_row(n, vectors[n % len(vectors)]) for n in range(len(body["input"]))]
    return raw(json.dumps({"data": rows}))


def test_a_half_reply_is_asked_for_again(tmp_path: Path, taught: Path) -> None:
    faults = [
        Fault("short"),
        raw('{"data": [{"index": 0, "embed'),
        {"data": []},
        {"data": [_row(0, [1.0])] * 8},
        refusal(503),
    ]

    def flaky(body: dict[str, Any]) -> Any:
        return faults.pop() if faults else embedded(body)

    both = Both(Agent(NAME, SAMPLES[NAME]), flaky)
    more = {"embedding_model": MODEL, "embedding_cache": tmp_path / "cache"}
    assert run(tmp_path, taught / "memory_bank.jsonl", both, **more).owed == 0
    assert faults == []
    assert reminders(tmp_path) == {t.id: nearest(NAME, t.id) for t in opened(NAME).tasks}


@pytest.mark.parametrize(
    ("memory", "text", "said"),
    [
        ({"memory": "reasoningbank"}, None, "needs --memory_bank"),
        ({}, "", "goes with --memory reasoningbank"),
        ({"memory": "reasoningbank"}, "", "holds no note"),
        ({"memory": "reasoningbank"}, '{"task": "1"}\n', "line 1: "),
        ({"memory": "reasoningbank"}, "[]\n", "line 1: "),
    ],
)
def test_a_bank_that_is_none_is_named(
    memory: dict[str, Any], text: str | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "bank.jsonl"
    if text is not None:
        file.write_text(text)
        memory = {**memory, "memory_bank": file}
    given = replace(
        rollouts(NAME, SAMPLES[NAME], tmp_path, "http://127.0.0.1:9/v1"),
        memory=MemorySettings(**memory),
    )
    with pytest.raises(ContractError, match=said):
        asyncio.run(session.run(given))


def test_another_server_never_gets_to_see_the_models_key(tmp_path: Path, taught: Path) -> None:
    async def go() -> tuple[StubServer, StubServer]:
        agent = Agent(NAME, SAMPLES[NAME])
        async with StubServer(agent) as model, StubServer(embedded) as vectors:
            more = {"embedding_base_url": vectors.url, "embedding_cache": tmp_path / "cache"}
            bank = taught / "memory_bank.jsonl"
            given = remembering(tmp_path, model.url, bank, embedding_model=MODEL, **more)
            given = replace(given, model=replace(given.model, api_key="sk-very-secret-1234"))
            await session.run(given)
            return model, vectors

    model, vectors = asyncio.run(go())
    assert {one["Authorization"] for one in model.headers} == {"Bearer sk-very-secret-1234"}
    assert {one["Authorization"] for one in vectors.headers} == {"Bearer EMPTY"}
    assert {*vectors.paths} == {"/v1/embeddings"}

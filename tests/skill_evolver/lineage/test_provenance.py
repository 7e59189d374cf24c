"""Support is counted by code: whatever merges do, every proposed edit is owned exactly once."""

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from measuring.function_model import FunctionModel

from react_agent.model import Message
from react_agent.skills import Skill
from skill_evolver.engine.map_reduce import EvolutionSettings, Evolver
from skill_evolver.engine.store import Store
from skill_evolver.engine.tree import groups, levels
from skill_evolver.lineage.provenance import Ledger, leaf, settle
from skill_evolver.patches.patch import ExactEdit, Patch

LESSONS = [
    "Read dates as dates.",
    "Strip blanks from lookup keys.",
    "Copy the number formats over.",
]


def proposals(ledger: Ledger, choice: Sequence[Sequence[int]]) -> list[Patch]:
    """One patch a trajectory; numbers choose lessons from the pool."""
    patches = []
    for number, lessons in enumerate(choice):
        edits = []
        for count, lesson in enumerate(lessons):
            edit = ExactEdit(
                id=f"m{number}.{count}",
                file="SKILL.md",
                op="append_to_section",
                target_section="Write",
                content=f"- {LESSONS[lesson]}",
            )
            edits.append(leaf(ledger, edit, "p", [f"run-{number}"]))
        patches.append(Patch(edits=tuple(edits)))
    return patches


def careless(seed: int, failures: float) -> FunctionModel:
    """Merges as models do: forgets, doubles, invents and misnames, or answers nonsense."""
    chance = random.Random(seed)

    def reply(messages: Sequence[Message]) -> str:
        if chance.random() < failures:
            return "I would rather not."
        edits = [json.loads(x) for x in messages[1].content.splitlines() if x.startswith('{"file"')]
        out = []
        for edit in edits:
            roll = chance.random()
            if roll < 0.25:
                continue
            names = [edit.pop("id")] if roll < 0.6 else []
            names += [chance.choice(["p1.e1", "p2.e1", "p9.e9"])] if roll < 0.4 else []
            edit.pop("id", None)
            edit.pop("support", None)
            out.append({**edit, "sources": names})
        out.append({**(edits[0] if edits else {}), "file": "SKILL.md", "op": "append_to_section",
                    "target_section": "Write", "content": "- Invented.", "id": ""})  # fmt: skip
        dropped = [{"id": "p1.e1", "reason": "contradicts"}] if chance.random() < 0.2 else []
        return "```json\n" + json.dumps({"edits": out, "dropped": dropped}) + "\n```"

    return FunctionModel(reply)


@settings(max_examples=60, deadline=None)
@given(
    choice=st.lists(st.lists(st.integers(0, 2), max_size=3, unique=True), min_size=1, max_size=14),
    size=st.integers(2, 6),
    cap=st.integers(1, 4),
    seed=st.integers(0, 9999),
    failures=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_support_is_conserved_under_any_order_batch_size_and_merge_failure(
    tmp_path_factory: "object",
    choice: list[list[int]],
    size: int,
    cap: int,
    seed: int,
    failures: float,
) -> None:
    folder = tmp_path_factory.mktemp("store")  # type: ignore[attr-defined]
    ledger = Ledger()
    patches = [p for p in proposals(ledger, choice) if p.edits]
    random.Random(seed).shuffle(patches)
    skill = Skill(Path("x"), {"SKILL.md": "# S\n\n## Write\n\nText.\n"})
    store = Store(folder, careless(seed, failures), readable=False, fixes=0)
    plan = EvolutionSettings(merge_batch_size=size, max_merge_levels=cap)
    evolver = Evolver(skill, store, plan, ledger)

    async def ready(patch: Patch) -> list[Patch]:
        return [patch]

    async def reduce() -> Patch:
        return await evolver.reduce([ready(p) for p in patches])

    final = asyncio.run(reduce())
    assert ledger.audit([e.id for e in final.edits]) == []
    total = sum(len(p.edits) for p in patches)
    living = sum(ledger.support(e.id) for e in final.edits)
    gone = sum(len(d.runs) for d in ledger.dropped)
    doubled = sum(
        len(leaves) - len(runs)
        for leaves, runs in [
            *((ledger.leaves(e.id), ledger.runs([e.id])) for e in final.edits),
            *((d.leaves, d.runs) for d in ledger.dropped),
        ]
    )
    assert living + gone + doubled == total  # doubled: two edits of one run became one
    assert all("Invented" not in e.words for e in final.edits)


def test_named_sources_are_recorded_and_others_inferred_carried_or_refused() -> None:
    ledger = Ledger()
    patches = proposals(ledger, [[0], [1], [0], [2]])
    aliases = {f"p{n + 1}.e1": f"m{n}.0" for n in range(4)}
    merged = Patch.model_validate(
        {
            "edits": [
                {"kind": "exact", "file": "SKILL.md", "op": "append_to_section",
                 "target_section": "Write", "content": "- Read dates as dates, always.",
                 "sources": ["p1.e1", "p7.e7"]},
            ],
            "dropped": [{"id": "p4.e1", "reason": "the skill says it"}],
        }
    )  # fmt: skip
    result = settle(ledger, patches, merged, aliases, prefix="g1.1", patch_file="f")
    links = {link.parent: link.how for link in ledger.nodes["g1.1.1"].links}
    assert links == {"m0.0": "recorded", "m2.0": "inferred"}
    assert [e.id for e in result.edits] == ["g1.1.1", "m1.0"]
    assert [(d.id, d.reason) for d in ledger.dropped] == [("m3.0", "the skill says it")]
    assert ledger.counts["unknown ids"] == 1
    assert ledger.support("g1.1.1") == 2


def test_groups_follow_the_papers_counts() -> None:
    assert [len(level) for level in levels(323, 5, 5)] == [65, 13, 3, 1]
    assert [len(level) for level in levels(70, 5, 5)] == [14, 3, 1]
    assert groups(list(range(12)), 5) == [[0, 1, 2, 3, 4, 10], [5, 6, 7, 8, 9, 11]]
    assert groups(list(range(13)), 5)[-1] == [10, 11, 12]
    assert [len(level) for level in levels(70, 2, 3)] == [35, 18, 9]


def test_a_group_is_merged_as_soon_as_its_members_are_there(tmp_path: Path) -> None:
    order: list[str] = []

    def note(messages: Sequence[Message]) -> str:
        order.append("merge")
        return '{"edits": [], "dropped": [{"id": "p1.e1", "reason": "x"}]}'

    ledger = Ledger()
    patches = proposals(ledger, [[0]] * 4)
    skill = Skill(Path("x"), {"SKILL.md": "# S\n\n## Write\n\nText.\n"})
    evolver = Evolver(
        skill, Store(tmp_path, FunctionModel(note)), EvolutionSettings(merge_batch_size=2), ledger
    )

    async def later(patch: Patch, seconds: float) -> list[Patch]:
        await asyncio.sleep(seconds)
        order.append("map")
        return [patch]

    async def reduce() -> None:
        waits = [0, 0, 0, 0.2]
        await evolver.reduce([later(p, w) for p, w in zip(patches, waits, strict=True)])

    asyncio.run(reduce())
    assert order.index("merge") < 4
    assert order[3] == "merge"

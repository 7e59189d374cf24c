"""Every prompt renders in every mode, and what all MAP calls share comes first."""

import itertools
import os
from pathlib import Path

import pytest
from evolving import Author, make_records, role_of
from project import ROOT

from react_agent.skills import Skill, split_frontmatter
from skill_evolver.engine.inputs import load_entries
from skill_evolver.engine.map_reduce import EvolutionSettings, Evolver
from skill_evolver.engine.settings import Evolution
from skill_evolver.engine.store import Store
from skill_evolver.lineage.provenance import leaf
from skill_evolver.patches.codecs import Codec, JsonCodec, MarkdownCodec
from skill_evolver.patches.patch import ExactEdit, Patch, SemanticEdit

LONGEST = 2_500
"""Characters of what every MAP call is told before the skill: it is paid once a record."""
CODECS: list[Codec] = [JsonCodec(), MarkdownCodec(), MarkdownCodec("heading")]
MODES = list(
    itertools.product(
        ["error", "success", "combined"],
        ["skill", "generic", "patterns", "patterns_generic"],
        CODECS,
        [1, 4],
    )
)


@pytest.mark.parametrize(("lessons", "variant", "codec", "size"), MODES)
def test_map_prompts_share_their_beginning(
    tmp_path: Path, lessons: str, variant: str, codec: Codec, size: int
) -> None:
    skill = Skill.load(ROOT / "spreadsheet_agent" / "skills" / "xlsx")
    file = make_records(tmp_path / "r.json", 8)
    entries, _ = load_entries(Evolution(skill_dir=skill.root, error_json=file))
    settings = EvolutionSettings(lessons, variant, codec, batch_size=size)  # type: ignore[arg-type]
    evolver = Evolver(skill, Store(tmp_path, Author()), settings)
    prompts = [evolver.map_prompt(skill.files, batch) for batch in evolver.batches(entries)]
    texts = ["\n".join(m.content for m in prompt) for prompt in prompts]
    prefix = os.path.commonprefix(texts)  # noqa: RUF071 (of text, not of paths)
    assert len(prefix) * len(texts) >= 0.8 * sum(map(len, texts))
    assert all(role_of(prompt[0].content) == "map" for prompt in prompts)
    assert ("PATCH START" in texts[0]) == (codec.name == "markdown")
    assert ('Give each edit "sources"' in texts[0]) == (size > 1)
    assert skill.body.strip() in texts[0]
    assert "license:" not in texts[0]  # the frontmatter, which no edit changes
    assert len(prompts[0][0].content) < LONGEST
    for path, text in skill.files.items():
        editable = path.endswith(".md")
        assert path in texts[0]
        assert (split_frontmatter(text)[1].strip() in texts[0]) == editable


@pytest.mark.parametrize("lessons", ["error", "success", "combined"])
@pytest.mark.parametrize("codec", CODECS)
def test_merge_prompts_show_ids_support_and_only_the_passages_concerned(
    tmp_path: Path, lessons: str, codec: Codec
) -> None:
    text = "# S\n\n## Write\n\nText that matters.\n\n## Other\n\nNot shown.\n"
    skill = Skill(tmp_path, {"SKILL.md": text})
    settings = EvolutionSettings(lessons, codec=codec)  # type: ignore[arg-type]
    evolver = Evolver(skill, Store(tmp_path, Author()), settings)
    edit: ExactEdit | SemanticEdit = SemanticEdit(
        id="m1.1", file="SKILL.md", intent="i", instruction="Say it."
    )
    if codec.name == "json":
        edit = ExactEdit(
            id="m1.1",
            file="SKILL.md",
            op="append_to_section",
            target_section="## Write",
            content="- Say it.",
        )
    edit = leaf(evolver.ledger, edit, "p", ["a", "b", "c"])
    aliases, prompt = evolver.merge_prompt([Patch(edits=(edit,)), Patch()])
    shown = prompt[1].content
    assert role_of(prompt[0].content) == "merge"
    assert aliases == {"p1.e1": "m1.1"}
    assert "p1.e1" in shown
    assert ('"support": 3' if codec.name == "json" else "(support 3)") in shown
    assert ("Text that matters." in shown) == (codec.name == "json")
    assert "## Other" in shown
    assert "Not shown." not in shown

"""What prompts show of a skill: all of it, its headings, or the passages that edits touch."""

from collections.abc import Mapping, Sequence
from typing import Any

from react_agent.skills import MAIN, is_protected, split_frontmatter
from skill_evolver.patches.apply import Splice, place
from skill_evolver.patches.fitting import innermost
from skill_evolver.patches.patch import ExactEdit, Patch
from skill_evolver.patches.places import outline, to_lines


def skill_view(files: Mapping[str, str], other_files: Sequence[str]) -> dict[str, Any]:
    """What the templates need to show a skill: all that an edit can change."""
    fixed = {path for path in files if is_protected(path) or not path.endswith((".md", ".txt"))}
    body = split_frontmatter(files.get(MAIN, ""))[1].lstrip("\n")
    shown = {path: body if path == MAIN else text for path, text in files.items()}
    return {"files": shown, "fixed": fixed, "other_files": list(other_files)}


def outline_view(files: Mapping[str, str]) -> dict[str, Any]:
    view = {}
    for path, text in files.items():
        if path.endswith(".md"):
            heads = [f"{'#' * s.level} {s.title}" for s in outline(text).sections]
            view[path] = {"lines": len(to_lines(text)), "sections": heads}
    return view


def passages_of(files: Mapping[str, str], patches: Sequence[Patch]) -> list[dict[str, str]]:
    """The innermost sections that edits change or take away: merges need to see those in full."""
    wanted: dict[tuple[str, int, int], None] = {}
    for edit in (e for patch in patches for e in patch.edits):
        if not isinstance(edit, ExactEdit) or edit.op in ("create", "add_section"):
            continue
        where = place(files, edit)
        if isinstance(where, Splice) and not where.remove_file:
            section = innermost(files[edit.file], where.anchor[0])
            if section:
                wanted[edit.file, section.start, section.end] = None
    shown = []
    for file, start, end in sorted(wanted):
        inside = any(
            f == file and s <= start and end <= e and (s, e) != (start, end) for f, s, e in wanted
        )
        if not inside:
            text = "\n".join(to_lines(files[file])[start:end]).rstrip()
            shown.append({"file": file, "text": text})
    return shown

"""Places that code finds for an edit whose own anchor is not in its file."""

from collections.abc import Mapping

from rapidfuzz import fuzz

from skill_evolver.apply import Splice, place
from skill_evolver.patch import Edit, ExactEdit, SemanticEdit
from skill_evolver.sections import find_section, outline, plain, to_lines

ADDING = frozenset({"append_to_section", "insert_after", "insert_before", "add_section"})


def elsewhere(edit: ExactEdit, files: Mapping[str, str]) -> ExactEdit | None:
    """The edit for the one other file that does hold its anchor letter by letter."""
    if edit.op not in ADDING or edit.file not in files:
        return None
    found = []
    for path in files:
        if path.endswith(".md") and path != edit.file:
            moved = edit.model_copy(update={"file": path})
            where = place(files, moved)
            if isinstance(where, Splice) and where.how == "exact" and where.anchor[1]:
                found.append(moved)
    return found[0] if len(found) == 1 else None


def nearest(edit: ExactEdit, files: Mapping[str, str]) -> ExactEdit | None:
    """An edit that adds something, moved to the section of its file that speaks of it most."""
    if edit.op not in ADDING:
        return None
    lines = to_lines(files[edit.file])
    wanted = plain(f"{edit.title} {edit.content}")
    scored = [
        (fuzz.token_set_ratio(plain("\n".join(lines[s.start : s.end])), wanted), -s.start, s)
        for s in outline(files[edit.file]).sections
        if s.level > 1
    ]
    if not scored:
        return None
    best = max(scored)[2]
    title = f"{'#' * best.level} {best.title}"
    return edit.model_copy(update={"op": "append_to_section", "target_section": title})


def by_hint(edit: Edit, files: Mapping[str, str]) -> list[ExactEdit]:
    """A description that names a heading and holds plain text can be placed without a model."""
    if not isinstance(edit, SemanticEdit) or edit.file not in files:
        return []
    hint = edit.location_hint
    for prefix in ("In section", "New section after", "After", "Near", "In"):
        hint = hint.removeprefix(prefix)
    found = find_section(files[edit.file], hint.strip(" '\"`."))
    if not found:
        return []
    title = f"{'#' * found[0].level} {found[0].title}"
    return [
        ExactEdit(
            file=edit.file,
            op="append_to_section",
            target_section=title,
            content=edit.instruction,
            title=edit.title or edit.intent[:80],
        )
    ]


def already_there(edit: ExactEdit, files: Mapping[str, str]) -> str:
    """Whether the file says, line by line, what the edit would add."""
    if edit.op in ("replace_in_section", "delete_section", "delete_file") or edit.file not in files:
        return ""
    there = {line.strip() for line in files[edit.file].splitlines()}
    new = [line.strip() for line in edit.content.splitlines() if line.strip()]
    return f"{edit.file} says this already" if all(line in there for line in new) else ""

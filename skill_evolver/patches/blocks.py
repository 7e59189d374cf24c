"""The blocks of a markdown file, and whether a change leaves alone those that it does not name.

A block is kept when it has the same lines and kind as before and stands under the same headings
and in the same list items; a list is kept when its items are still one list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from skill_evolver.patches.places import outline, parsed

CHANGED = -1
"""Stands for a heading or an item in the lines that a change names."""
_LEAVES = frozenset({"paragraph_open", "heading_open", "table_open"})
_HOLDERS = frozenset({"list_item_open", "blockquote_open"})
Span = tuple[int, int]


@dataclass(frozen=True)
class Block:
    """A paragraph, heading, table, code fence or the like: what holds no other block."""

    kind: str
    start: int
    end: int
    under: tuple[int, ...]
    """The lines of the headings that it stands under."""
    inside: tuple[int, ...]
    """The first lines of the list items and quotations that hold it."""


@dataclass(frozen=True)
class Item:
    """One item of a list."""

    start: int
    end: int
    marker: str
    offset: int
    """The column at which its text starts; what is indented so far belongs to it."""


@dataclass(frozen=True)
class Blocks:
    leaves: tuple[Block, ...]
    lists: tuple[tuple[Item, ...], ...]

    def item_at(self, line: int) -> Item | None:
        """The innermost item that this line belongs to."""
        holding = [i for items in self.lists for i in items if i.start <= line < i.end]
        return max(holding, key=lambda i: i.start, default=None)

    def leaf_around(self, position: int) -> Block | None:
        """The block that an insertion before line `position` would go into."""
        return next((b for b in self.leaves if b.start < position < b.end), None)


@dataclass(frozen=True)
class Change:
    """Lines [start, end) become `count` lines; `named` are the lines the change relies on."""

    start: int
    end: int
    count: int
    named: Span = (0, 0)


@lru_cache(maxsize=512)
def blocks(text: str) -> Blocks:
    lines, body, tokens = parsed(text)
    leaves: list[Block] = []
    lists: list[tuple[Item, ...]] = []
    holders: list[int] = []
    open_lists: list[list[Item]] = []
    heads: list[tuple[int, int]] = []
    for token in tokens:
        start, end = ((token.map[0] + body, token.map[1] + body)) if token.map else (0, 0)
        if token.type in _HOLDERS:
            holders.append(start)
        elif token.type in ("list_item_close", "blockquote_close"):
            holders.pop()
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            open_lists.append([])
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.append(tuple(open_lists.pop()))
        elif token.type in _LEAVES or (token.nesting == 0 and token.map and token.type != "inline"):
            if token.type == "heading_open" and token.level == 0:
                level = int(token.tag[1:])
                heads = [head for head in heads if head[1] < level]
            under = tuple(line for line, _ in heads)
            leaves.append(Block(token.type, start, end, under, tuple(holders)))
            if token.type == "heading_open" and token.level == 0:
                heads.append((start, level))
        if token.type == "list_item_open":
            while end > start + 1 and not lines[end - 1].strip():
                end -= 1
            open_lists[-1].append(_item(lines[start], start, end, token.info, token.markup))
    return Blocks(tuple(leaves), tuple(lists))


def _item(line: str, start: int, end: int, number: str, markup: str) -> Item:
    mark = f"{number}{markup}"
    after = line.find(mark) + len(mark)
    gap = len(line[after:]) - len(line[after:].lstrip())
    return Item(start, end, markup, after + (gap if 1 <= gap <= 4 else 1))


def keeps(before: str, after: str, changes: Sequence[Change]) -> bool:
    """Whether `after`, which is `before` with the changes, has every block they do not name."""
    if outline(after).open_fence and not outline(before).open_fence:
        return False
    old, new = blocks(before), blocks(after)
    there = {block.start: block for block in new.leaves}
    regions = _regions(changes)
    for block in old.leaves:
        moved = there.get(_moved(block.start, changes))
        if _renamed(block, changes):
            continue
        if moved is None or moved.kind != block.kind:
            return False
        grown = moved.end - (_moved(block.end - 1, changes) + 1)
        if grown < 0 or (grown and not any(_meet(block, *c.named) for c in changes)):
            return False
        for mine, theirs in ((block.under, moved.under), (block.inside, moved.inside)):
            if _path(mine, changes) != _new_path(theirs, regions):
                return False
    return _lists_kept(old, new, changes)


def _renamed(block: Block, changes: Sequence[Change]) -> bool:
    """Whether a change takes away lines of the block; of a code fence, its first or last one."""
    for change in changes:
        if change.start < change.end and _meet(block, change.start, change.end):
            within = change.start > block.start and change.end < block.end
            if block.kind not in ("fence", "table_open") or not within:
                return True
    return False


def _lists_kept(old: Blocks, new: Blocks, changes: Sequence[Change]) -> bool:
    home = {item.start: n for n, items in enumerate(new.lists) for item in items}
    for items in old.lists:
        left = [_moved(i.start, changes) for i in items if not _taken(i.start, changes)]
        if len({home.get(line) for line in left}) > 1:
            return False
    return True


def _meet(block: Block, start: int, end: int) -> bool:
    return max(block.start, start) < min(block.end, end)


def _taken(line: int, changes: Sequence[Change]) -> bool:
    return any(change.start <= line < change.end for change in changes)


def _moved(line: int, changes: Sequence[Change]) -> int:
    return line + sum(c.count - (c.end - c.start) for c in changes if c.end <= line)


def _regions(changes: Sequence[Change]) -> list[Span]:
    """Where the new lines stand."""
    found, shift = [], 0
    for change in sorted(changes, key=lambda c: (c.start, c.end)):
        start = change.start + shift
        found.append((start, start + change.count))
        shift += change.count - (change.end - change.start)
    return found


def _path(lines: Sequence[int], changes: Sequence[Change]) -> list[int]:
    return _short([CHANGED if _taken(i, changes) else _moved(i, changes) for i in lines])


def _new_path(lines: Sequence[int], regions: Sequence[Span]) -> list[int]:
    return _short([CHANGED if any(a <= i < b for a, b in regions) else i for i in lines])


def _short(path: list[int]) -> list[int]:
    return [line for n, line in enumerate(path) if line != CHANGED or path[n - 1 : n] != [CHANGED]]

"""A skill folder: read as `{path: text}`, chosen from a root, compared, backed up, written whole.

Backups lie outside the skills root (`<root>_backups` beside it): whatever reads the root next must
not meet yesterday's copy as one more skill.
"""

import contextlib
import ctypes
import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from react_agent.errors import ContractError
from react_agent.files import NO_CONTENT, SKILL_FILE, VERSION_CONTROL, digest_tree
from react_agent.lock import only_start

MAIN = SKILL_FILE
SCRIPT_SUFFIXES = frozenset({".py", ".sh", ".bash", ".js", ".ts", ".rb", ".pl", ".ps1", ".bat"})
CLIENT_FOLDERS = (
    ".claude/skills",
    ".agents/skills",
    ".qwen/skills",
    ".opencode/skills",
    ".codex/skills",
)
"""Where clients keep skills, in a project as in a home."""
_BOUNDARY = re.compile(r"^---+[ \t]*$", re.MULTILINE)
_RENAME_EXCHANGE = 2


def is_protected(path: str) -> bool:
    """Licence files and scripts stay as they are, whoever edits the skill."""
    pure = PurePosixPath(path)
    script = "scripts" in pure.parts[:-1] or pure.suffix.lower() in SCRIPT_SUFFIXES
    return script or is_licence(path)


def is_licence(path: str) -> bool:
    return PurePosixPath(path).name.upper().startswith(("LICENSE", "LICENCE", "NOTICE"))


def split_frontmatter(text: str) -> tuple[str, str]:
    """The YAML between the first two `---` lines, and the rest; no such lines: ("", text).

    Only a whole line of dashes is a boundary, so dashes inside a value stay in the value.
    """
    text = text.removeprefix("\ufeff")
    first = _BOUNDARY.match(text)
    second = _BOUNDARY.search(text, first.end()) if first else None
    if not first or not second:
        return "", text
    return text[first.end() : second.start()].strip("\n"), text[second.end() :].lstrip("\n")


def read_metadata(text: str) -> dict[str, Any]:
    """The frontmatter's fields; {} without one. Raises ContractError when it is not YAML."""
    import yaml  # late: `--help` must stay quick

    try:
        found = yaml.safe_load(split_frontmatter(text)[0])
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ContractError(f"{MAIN}: the frontmatter is not YAML: {reason}") from None
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Skill:
    """One skill as it was when it was read; changing the folder does not change this value."""

    root: Path
    """The skill's own folder."""
    files: Mapping[str, str]
    """Every text file below it by its relative path; SKILL.md is always among them. Lines end
    with a line feed, however they end on disk, and a link is the text that it leads to."""
    other_files: tuple[str, ...] = ()
    """Files that are no UTF-8 text (pictures, workbooks), and links that lead to no file: kept,
    never edited."""
    digest: str = ""
    """One hash over all files of the folder."""

    @classmethod
    def load(cls, path: Path) -> "Skill":
        """Raises ContractError when `path` is no folder with a readable SKILL.md."""
        path = Path(path)
        recover_folder(path)
        if not (path / MAIN).is_file():
            raise ContractError(f"{path}: no skill here; a skill folder holds a {MAIN}")
        files: dict[str, str] = {}
        others: list[str] = []
        for file in sorted(path.rglob("*")):
            relative = file.relative_to(path)
            if NO_CONTENT.intersection(relative.parts):
                continue
            if file.is_symlink() and not file.is_file():
                others.append(relative.as_posix())
            elif file.is_file():
                try:
                    text = file.read_bytes().decode("utf-8")
                    files[relative.as_posix()] = text.replace("\r\n", "\n")
                except UnicodeDecodeError:
                    others.append(relative.as_posix())
        if MAIN not in files:
            raise ContractError(f"{path / MAIN}: is not UTF-8 text")
        return cls(path, files, tuple(others), digest_tree(path))

    @property
    def name(self) -> str:
        """The folder's name, by which a skill is chosen from its root."""
        return self.root.resolve().name

    @property
    def text(self) -> str:
        return self.files[MAIN]

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Raises ContractError when the frontmatter is not YAML."""
        return read_metadata(self.text)

    @property
    def packages(self) -> tuple[str, ...]:
        """What its scripts need of the agent's Python, as its frontmatter says:

        metadata:
          python-packages: NAME, NAME
        """
        try:
            more = self.metadata.get("metadata")
        except ContractError:  # said where frontmatter counts; a skill can be read without
            return ()
        names = more.get("python-packages") if isinstance(more, dict) else None
        return tuple(names.replace(",", " ").split()) if isinstance(names, str) else ()

    @property
    def body(self) -> str:
        """SKILL.md without its frontmatter, readable or not."""
        return split_frontmatter(self.text)[1].strip("\n") + "\n"


def find_skill(root: Path, name: str | None = None) -> Skill:
    """The skill `root` is, or the one it holds: `name`, else `xlsx`, else the first by name.

    A skill is named as its folder is, or as its frontmatter says. Hidden folders are no skills, but
    a folder without skills of its own is looked through where clients keep theirs, and
    `folder/NAME` leads there too. Raises ContractError when there is none, naming what there is.
    """
    root = Path(root)
    if (root / MAIN).is_file():
        skill = Skill.load(root)
        if name and name not in (skill.name, skill.metadata.get("name")):
            raise ContractError(f"{root}: is the skill {skill.name}, not {name}")
        return skill
    if not root.is_dir():
        if name is None and (found := _of_clients(root.parent)):
            return _named(root.parent, found, root.name)
        raise ContractError(f"{root}: no such skills folder; a skill is a folder with a {MAIN}")
    for hidden in root.glob(".*.old"):
        recover_folder(root / hidden.name[1:].removesuffix(".old"))
    found = _skills_in(root) or _of_clients(root)
    if name:
        return _named(root, found, name)
    if not found:
        raise ContractError(f"{root}: holds no skill (no folder with a {MAIN})")
    return Skill.load(found["xlsx" if "xlsx" in found else min(found)])


def _skills_in(root: Path) -> dict[str, Path]:
    if not root.is_dir():
        return {}
    folders = sorted(p for p in root.iterdir() if p.name[0] != "." and (p / MAIN).is_file())
    return {p.name: p for p in folders}


def _of_clients(folder: Path) -> dict[str, Path]:
    """Raises ContractError where clients have two different skills of one name."""
    found: dict[str, Path] = {}
    for place in CLIENT_FOLDERS:
        for name, path in _skills_in(folder / place).items():
            other = found.setdefault(name, path)
            if other != path and digest_tree(other) != digest_tree(path):
                raise ContractError(f"{other} and {path} are two skills; name the folder of one")
    return found


def _named(root: Path, found: Mapping[str, Path], name: str) -> Skill:
    if name in found:
        return Skill.load(found[name])
    for path in found.values():
        with contextlib.suppress(ContractError):  # of another skill's frontmatter
            skill = Skill.load(path)
            if skill.metadata.get("name") == name:
                return skill
    raise ContractError(f"{root}: no skill {name}; there is {', '.join(found) or 'none'}")


def diff_files(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """A unified diff over all files, readable by `patch -p1`."""
    parts: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        lines = difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (new or "").splitlines(keepends=True),
            f"a/{path}" if old is not None else "/dev/null",
            f"b/{path}" if new is not None else "/dev/null",
        )
        for line in lines:
            parts.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(parts)


def backups_folder(folder: Path) -> Path:
    """Where the backups of this skill lie: beside the skills root, or hidden in it when the
    place beside it cannot be written."""
    root = folder.resolve().parent
    beside = root.parent / f"{root.name or 'skills'}_backups"
    usable = os.access(beside if beside.exists() else root.parent, os.W_OK)
    return beside if usable else root / ".skill_backups"


def list_backups(folder: Path) -> list[Path]:
    """This skill's backups, oldest first."""
    prefix = f"{folder.resolve().name}_backup_"
    return sorted(p for p in backups_folder(folder).glob(f"{prefix}*") if p.is_dir())


def backup(folder: Path) -> Path:
    """Copy the whole folder to `<backups>/<name>_backup_<time>`; the copy appears whole."""
    target = backups_folder(folder)
    target.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S_%f")
    temporary = Path(tempfile.mkdtemp(prefix=".backup.", dir=target))
    try:
        _copy(folder, temporary / "copy")
        for link in [p for p in (temporary / "copy").rglob("*") if p.is_symlink()]:
            original = folder / link.relative_to(temporary / "copy")
            if original.is_file() and not original.resolve().is_relative_to(folder.resolve()):
                link.unlink()  # a copy keeps the text, whatever happens where the link leads
                shutil.copy2(original, link)
        final = target / f"{folder.resolve().name}_backup_{stamp}"
        (temporary / "copy").rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final


@contextlib.contextmanager
def only_editor(folder: Path) -> Iterator[None]:
    """Hold a skill while it is changed. Raises ContractError when another process does."""
    with only_start(backups_folder(folder) / f"{folder.resolve().name}_lock", str(folder)):
        yield


def write_skill(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder's text files exactly `files`; other files of it stay, and so do line ends.

    A link whose text changes becomes a file: what it leads to belongs to others. Raises
    ContractError for a path that leaves the folder. The new folder is built beside the old
    one and swapped in, so a reader or a crash meets the old skill or the new one, never a mix.
    """
    current = Skill.load(folder)
    for path in files:
        if not is_inside(path):
            raise ContractError(f"{path!r}: is no path inside the skill folder")

    def change(copy: Path) -> None:
        for path in current.files.keys() - files.keys():
            (copy / path).unlink()
            for parent in (copy / path).parents:
                if parent == copy or any(parent.iterdir()):
                    break
                parent.rmdir()
        for path, text in files.items():
            if current.files.get(path) != text:
                if _ends_with_crlf(folder / path):
                    text = text.replace("\n", "\r\n")
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                (copy / path).unlink(missing_ok=True)
                (copy / path).write_bytes(text.encode("utf-8", "replace"))

    _swap_in(folder, folder, change)


def _ends_with_crlf(file: Path) -> bool:
    """Whether most lines of a file do."""
    data = file.read_bytes() if file.is_file() else b""
    return 2 * data.count(b"\r\n") > data.count(b"\n")


def restore(folder: Path, earlier: Path) -> None:
    """Make the folder what `earlier` is, whole."""
    if not (earlier / MAIN).is_file():
        raise ContractError(f"{earlier}: no skill to go back to")
    _swap_in(folder, earlier, lambda _: None)


def is_inside(path: str) -> bool:
    """Whether a relative path names a file inside the folder, on every system."""
    pure = PurePosixPath(path.replace("\\", "/"))
    plain = bool(path) and "\\" not in path and "\0" not in path and pure.as_posix() == path
    return plain and not pure.is_absolute() and ".." not in pure.parts and pure.parts != ()


def recover_folder(folder: Path) -> None:
    """Undo a swap that a crash broke in the middle: the old folder goes back to its name."""
    old = folder.parent / f".{folder.name}.old"
    if old.is_dir() and not folder.exists():
        old.rename(folder)


def _swap_in(folder: Path, source: Path, change: Callable[[Path], None]) -> None:
    folder = folder.resolve()
    old = folder.parent / f".{folder.name}.old"
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new.", dir=folder.parent))
    try:
        copy = temporary / folder.name
        _copy(source, copy)
        for name in VERSION_CONTROL:  # a folder, or the file that a worktree has in its place
            if (folder / name).is_dir():
                shutil.copytree(folder / name, copy / name, symlinks=True)
            elif (folder / name).is_file():
                shutil.copy2(folder / name, copy / name)
        change(copy)
        _sync(copy)
        shutil.rmtree(old, ignore_errors=True)
        if not _exchange(copy, folder):
            folder.rename(old)
            copy.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """All but the history that a version control keeps: that is no part of a skill."""
    ignore = shutil.ignore_patterns(*VERSION_CONTROL)
    shutil.copytree(source, target, symlinks=True, ignore=ignore)


def _exchange(one: Path, two: Path) -> bool:
    """Swap two folders in one step where the system can (Linux); False where it cannot."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        swap = libc.renameat2
    except (OSError, AttributeError):
        return False
    at_cwd = -100
    done = swap(at_cwd, os.fsencode(one), at_cwd, os.fsencode(two), _RENAME_EXCHANGE)
    return bool(done == 0)


def _sync(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())

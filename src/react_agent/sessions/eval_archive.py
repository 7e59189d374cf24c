"""The `.eval` archive of Inspect: a ZIP file of JSON documents, packed by zstandard.

Read by Python's own `zipfile` from 3.14 on, by its backport before.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError

HEADERS = ("header.json", "_journal/start.json")
"""What a finished and an interrupted evaluation says of itself."""


def read_archive(file: Path, largest: int) -> dict[str, Any]:
    """The same mapping as the log has in its JSON form: `eval` and `samples`.

    Raises ContractError for what is no archive, needs a package that is missing, or unpacks to
    more than `largest` bytes.
    """
    try:
        zipfile = import_module("zipfile")
        if not hasattr(zipfile, "ZIP_ZSTANDARD"):
            zipfile = import_module("backports.zstd.zipfile")
    except ImportError:
        raise ContractError(
            f"{file}: packed by zstandard: pip install 'trace2skill-toolkit[inspect]', "
            "or make JSON of it: inspect log convert --to json"
        ) from None
    try:
        with zipfile.ZipFile(file) as archive:
            return _log(archive, largest)
    except _TooLarge:
        raise ContractError(f"{file}: unpacks to more than {largest >> 20} MiB") from None
    except Exception as error:  # zipfile and zstandard raise a dozen kinds for broken bytes
        raise ContractError(f"{file}: no archive of Inspect: {error}") from None


class _TooLarge(Exception):
    pass


def _log(archive: Any, largest: int) -> dict[str, Any]:
    names = archive.namelist()
    header = next(name for name in HEADERS if name in names)
    samples = sorted(n for n in names if n.startswith("samples/") and n.endswith(".json"))
    documents = _documents(archive, [header, *samples], largest)
    about = next(documents)
    return {"eval": about.get("eval"), "samples": list(documents)}


def _documents(archive: Any, names: list[str], largest: int) -> Iterator[Any]:
    for name in names:
        with archive.open(name) as packed:
            text = packed.read(largest + 1)
        largest -= len(text)
        if largest < 0:
            raise _TooLarge
        yield json.loads(text)

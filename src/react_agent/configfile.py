"""Typed settings and records from JSON, and one clear line for what does not fit."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from react_agent.errors import ContractError
from react_agent.files import read_json, read_lines
from react_agent.text import cut_end

Record = TypeVar("Record", bound=BaseModel)


def read_settings(cls: type[Record], text_or_path: str, what: str) -> Record:
    """Raises ContractError; a mistyped path is not reported as broken JSON, nor the reverse."""
    where, value = _json(text_or_path.strip(), what)
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else cut_end(json.dumps(value), 40)
        raise ContractError(f"{where}: has to be a JSON object, not {kind}")
    unknown = sorted(set(value) - set(cls.model_fields))
    if unknown:
        raise ContractError(
            f"{where}: unknown key {', '.join(map(repr, unknown))}; "
            f"known keys: {', '.join(cls.model_fields)}"
        )
    return fitted(cls, value, f"{where}: ")


def fitted(
    cls: type[Record], value: object, where: str, whole: str = "the whole", then: str = ""
) -> Record:
    """Raises ContractError: `where` with its punctuation, the field and why, and what to do."""
    try:
        return cls.model_validate(value)
    except ValidationError as error:
        raise ContractError(f"{where}{first_problem(error, whole)}{then}") from None


def first_problem(error: ValidationError, whole: str = "the whole") -> str:
    """The first field that does not fit and why; never the value, which may be a secret.

    `whole` is what stands for the field when nothing at all fits.
    """
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(map(str, first["loc"])) or whole
    return f"{field}: {first['msg']}"


def read_record(cls: type[Record], path: Path) -> Record:
    """Raises ContractError that names file and field."""
    return fitted(cls, read_json(path), f"{path}: ")


def read_records(cls: type[Record], path: Path) -> list[Record]:
    """Of a file of JSON lines; torn ones are passed over.

    Raises ContractError that names line and field.
    """
    return [
        fitted(cls, line, f"{path}: line {number}: ", "the whole line")
        for number, line in enumerate(read_lines(path), start=1)
    ]


def differences(was: Any, now_: Any, name: str = "") -> list[str]:
    """One line for each setting that is not the same: `name: old -> new`."""
    if isinstance(was, dict) and isinstance(now_, Mapping):
        keys = sorted({*was, *now_})
        prefix = f"{name}." if name else ""
        return [
            line
            for key in keys
            for line in differences(was.get(key), now_.get(key), f"{prefix}{key}")
        ]
    return [] if was == now_ else [f"{name}: {cut_end(repr(was), 80)} -> {cut_end(repr(now_), 80)}"]


def _json(text: str, what: str) -> tuple[str, Any]:
    if not text:
        raise ContractError(f"{what}: is empty; give JSON text or the path of a file")
    if os.path.isfile(text):  # noqa: PTH113 (Path raises for JSON text longer than a file's name)
        return text, read_json(Path(text))
    try:
        return what, json.loads(text)
    except (ValueError, RecursionError) as error:
        if text[0] in "{[":
            raise ContractError(f"{what}: is not JSON: {error}") from None
        raise ContractError(
            f"{what}: {cut_end(repr(text), 200)}: no such file and not JSON"
        ) from None

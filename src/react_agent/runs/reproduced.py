"""What a reproduction left, for commands that are given nothing but its folder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import COMMANDS, REPRODUCTION


@dataclass(frozen=True)
class Reproduced:
    training: Path
    """The run that the lessons come from."""
    held_out: tuple[Path, ...]
    """The run of the start skill first, that of the evolved skill last."""
    skill: Path | None
    """None where no evolution gave one."""
    labels: Mapping[Path, str] = field(default_factory=dict)
    """What the end of the reproduction calls its runs."""

    @classmethod
    def find(cls, folder: Path) -> "Reproduced | None":
        """None for a folder of another kind. Raises ContractError when it is not at its end, or
        when what it noted cannot be read."""
        file = folder / REPRODUCTION
        if not file.is_file():
            if (folder / COMMANDS).is_file():
                raise ContractError(
                    f"{folder}: this reproduction has not come to its end (no {REPRODUCTION}); "
                    "start it again, or name one of the runs in it"
                )
            return None
        try:
            return cls._read(read_json(file), folder)
        except (KeyError, TypeError, ValueError, IndexError, StopIteration):
            raise ContractError(f"{file}: is not as a reproduction leaves it") from None

    @classmethod
    def _read(cls, value: dict[str, object], folder: Path) -> "Reproduced":
        """The folder may have been moved since, or be seen from elsewhere."""
        then = Path(value["spent"]["file"]).parent  # type: ignore[index]
        start = value["settings"]["start"]  # type: ignore[index]

        def here(path: str) -> Path:
            return folder / Path(path).relative_to(then)

        runs: list[tuple[str, str, Path]] = [
            (row["split"], row["label"], here(row["verdicts"]).parents[1])
            for row in value["standings"]  # type: ignore[attr-defined]
        ]
        held_out = sorted((r for r in runs if r[0] == "test"), key=lambda run: run[1] != start)
        skill = value["skill"]
        return cls(
            next(run for split, _, run in runs if split == "train"),
            tuple(run for *_, run in held_out),
            here(str(skill)) if skill else None,
            {run: label for _, label, run in runs},
        )


def runs_of(paths: Iterable[Path], *, training: bool = False) -> list[Path]:
    """The paths, and in place of a reproduction its held-out runs (after that which taught)."""
    found: list[Path] = []
    for path in paths:
        if (whole := Reproduced.find(path)) is None:
            found.append(path)
        else:
            found += [*([whole.training] if training else []), *whole.held_out]
    return found


def skill_of(folder: Path) -> Path:
    """The folder, or the skill that a reproduction in it has evolved. Raises ContractError."""
    whole = Reproduced.find(folder)
    if whole is None:
        return folder
    if whole.skill is None:
        raise ContractError(f"{folder}: no skill was evolved in this reproduction")
    return whole.skill

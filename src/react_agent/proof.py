"""What a domain can say of where a result comes from, for the gate of the analysts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """What was a result made from? Marks that no task asks for, such as who made a file when."""

    of_truth: int = 0
    """Marks that only the truth has, and this result too."""
    of_others: int = 0
    """Marks that differ from the truth's and are those of the input or of the agent's output."""
    differing: int = 0
    """Marks by which the truth could be known; without any nothing can be told."""
    examples: tuple[str, ...] = ()

    @property
    def is_copy(self) -> bool:
        return self.of_truth > self.of_others


@dataclass(frozen=True)
class Movement:
    """How a result changed with its input."""

    works: bool
    """Whether there still are results where there were some."""
    moved: int = 0
    """Places that hold another result."""
    new: bool = False
    """Whether a result is among them that is none of the answers to the input as it was."""

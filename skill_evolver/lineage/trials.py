"""What the patch gate found of proposed patches."""

from typing import Literal

from pydantic import BaseModel

Verdict = Literal["helped", "did not help", "could not be tried"]


class PatchTrial(BaseModel, frozen=True):
    """What became of one proposed patch."""

    patch: int
    tasks: tuple[str, ...]
    verdict: Verdict
    edits: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"patch {self.patch} on {', '.join(self.tasks) or 'no task'}: {self.verdict}{why}"

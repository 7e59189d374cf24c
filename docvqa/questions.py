"""DocVQA on disk: one JSON file of questions, and a folder of page images beside it."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.files import read_json

NAMES = ("val_v1.0_withQT.json", "val_v1.0.json", "questions.json")
Text = Annotated[
    str, BeforeValidator(lambda v: str(v) if isinstance(v, int) and not isinstance(v, bool) else v)
]


class Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: Text = Field(alias="questionId")
    instruction: str = Field(alias="question")
    kinds: tuple[str, ...] = Field(default=(), alias="question_types")
    image: str
    """Relative to the folder of the questions."""
    answers: tuple[Text, ...] = Field(min_length=1)

    @property
    def instruction_type(self) -> str:
        return ", ".join(self.kinds)


def questions(path: Path) -> list[Question]:
    """Raises ContractError naming the file, the record and the field that do not fit."""
    index = find_index(path)
    value: Any = read_json(index)
    records = value.get("data") if isinstance(value, dict) else value
    if not isinstance(records, list) or not records:
        raise ContractError(f'{index}: holds no list of questions under "data"')
    return [
        fitted(Question, record, f"{index}: record {number}, field ", "question")
        for number, record in enumerate(records, start=1)
    ]


def find_index(path: Path) -> Path:
    if path.is_file():
        return path
    for name in NAMES:
        if (path / name).is_file():
            return path / name
    raise ContractError(f"{path}: none of {', '.join(NAMES)} is there")

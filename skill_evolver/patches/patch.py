"""The one patch model: what a MAP call proposes, a merge returns and apply executes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Op = Literal[
    "insert_after",
    "insert_before",
    "append_to_section",
    "replace_in_section",
    "add_section",
    "delete_section",
    "create",
    "delete_file",
]
OP_ALIASES = {
    "append": "append_to_section",
    "append_section": "append_to_section",
    "insert": "insert_after",
    "replace": "replace_in_section",
    "replace_text": "replace_in_section",
    "new_section": "add_section",
    "remove_section": "delete_section",
    "create_file": "create",
    "new_file": "create",
    "remove_file": "delete_file",
}
NEEDS: dict[str, tuple[str, ...]] = {
    "insert_after": ("target_text", "content"),
    "insert_before": ("target_text", "content"),
    "append_to_section": ("target_section", "content"),
    "replace_in_section": ("old_text",),
    "add_section": ("target_section", "content"),
    "delete_section": ("target_section",),
    "create": ("content",),
    "delete_file": (),
}
"""The fields without which an op says nothing; an empty anchor would match everywhere."""


def _no_null(value: object) -> object:
    return "" if value is None else value


def _clean_file(value: object) -> object:
    return value.strip().strip("`'\"").removeprefix("./") if isinstance(value, str) else value


def _as_ids(value: object) -> object:
    """Models write one id, a comma list or a list; all mean the same."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip(" []`") for part in value.split(",") if part.strip(" []`"))
    return tuple(str(part) for part in value) if isinstance(value, (list, tuple)) else value


Text = Annotated[str, BeforeValidator(_no_null)]
FileName = Annotated[str, BeforeValidator(_clean_file), Field(min_length=1)]
Ids = Annotated[tuple[str, ...], BeforeValidator(_as_ids)]


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = ""
    """Given by code, unique in one evolution; what a model writes here counts as a source."""
    title: Text = ""
    """The lesson in a few words."""
    sources: Ids = ()
    """The input edits (or, in MAP, the records) it comes from, as the model said."""
    reason: Text = ""
    """Why text goes away, where text goes away."""


class ExactEdit(_Edit):
    """An edit that code can apply without asking a model."""

    kind: Literal["exact"] = "exact"
    file: FileName
    op: Op
    target_section: Text = ""
    target_text: Text = ""
    old_text: Text = ""
    content: Text = ""
    after_section: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        value = dict(value)
        for short, name in (("path", "file"), ("new_text", "content"), ("text", "content")):
            if name not in value and short in value:
                value[name] = value.pop(short)
        op = value.get("op")
        if isinstance(op, str):
            value["op"] = OP_ALIASES.get(op.strip().lower(), op.strip().lower())
        return value

    @model_validator(mode="after")
    def _complete(self) -> "ExactEdit":
        missing = [name for name in NEEDS[self.op] if not getattr(self, name).strip()]
        if missing:
            raise ValueError(f"op {self.op} needs a non-empty {' and '.join(missing)}")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file,)

    @property
    def words(self) -> str:
        """What it teaches; for a deletion, what it takes away."""
        return self.content or self.old_text or self.target_section or f"{self.op} {self.file}"

    @property
    def new_files(self) -> tuple[str, ...]:
        return (self.file,) if self.op == "create" else ()


class SemanticEdit(_Edit):
    """An edit in words; a translation call turns it into exact ones."""

    kind: Literal["semantic"] = "semantic"
    file: FileName
    """One file, or several with commas: a new reference and its pointer are one edit."""
    intent: str
    location_hint: str = ""
    instruction: str

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(part.strip(" `") for part in self.file.split(",") if part.strip(" `"))

    @property
    def words(self) -> str:
        return f"{self.intent}\n{self.instruction}"

    @property
    def new_files(self) -> tuple[str, ...]:
        return ()


Edit = Annotated[ExactEdit | SemanticEdit, Field(discriminator="kind")]


class Refused(BaseModel):
    """An input edit that a merge leaves out on purpose."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, BeforeValidator(str)]
    reason: Text = ""


class Patch(BaseModel):
    """What one reply proposes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reasoning: Text = ""
    edits: tuple[Edit, ...] = ()
    changelog_entries: tuple[str, ...] = ()
    dropped: tuple[Refused, ...] = ()

    def with_edits(self, edits: "tuple[Edit, ...] | list[Edit]") -> "Patch":
        return self.model_copy(update={"edits": tuple(edits)})

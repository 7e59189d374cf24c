"""Settings of a stage: frozen dataclasses whose fields say what they mean, and within what bounds.

A Python user writes them, a recipe is made of them, and `flags.py` makes the command line of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from react_agent.errors import ContractError

KEY = "setting"


@dataclass(frozen=True)
class About:
    """What a field says of itself besides its type and default."""

    text: str
    unit: str = ""
    """Also stands in the help, for the value."""
    least: float | None = None
    choices: Sequence[Any] = ()
    default_text: str = ""
    """Said of a default that only the run knows, such as one that follows from another field."""
    flag: str = ""
    """Else the field's own name."""
    positional: bool = False
    hidden: bool = False
    """For Python only: no flag."""
    group: str = ""
    """The heading under which the command line shows it."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Of nested settings: flags that are called otherwise here."""
    secret: bool = False
    """Never printed."""


def setting(text: str, default: Any = MISSING, **more: Any) -> Any:
    """A field of settings; without `default` it has to be given. `more` as in About."""
    about = About(text, **more)
    return field(default=default, repr=not about.secret, metadata={KEY: about})


def part(default: "Settings", group: str, **renamed: str) -> Any:
    """Nested settings. Their flags stand beside the others', under the heading `group`."""
    return field(default=default, metadata={KEY: About("", group=group, parts=renamed)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings. A value that does not fit is a ContractError that names its field."""

    hyphens: ClassVar[bool] = False
    """How the stage's help spells its flags; both spellings work everywhere."""

    def __post_init__(self) -> None:
        for name, kind, about, _ in described(type(self)):
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else (value,):
                if problem := misfit(one, kind, about):
                    raise ContractError(f"{name}: {problem}")


SettingsT = TypeVar("SettingsT", bound=Settings)


def described(cls: type[Settings]) -> Iterator[tuple[str, "Kind", About, Field[Any]]]:
    """Name, kind, description and dataclass field of each setting, in order."""
    hints = get_type_hints(cls)
    for one in fields(cls):
        if KEY in one.metadata:
            yield one.name, Kind.of(hints[one.name]), one.metadata[KEY], one


@dataclass(frozen=True)
class Kind:
    """A field's type, taken apart."""

    base: Any
    optional: bool = False
    many: bool = False
    """A tuple of any length."""
    choices: tuple[Any, ...] = ()

    @classmethod
    def of(cls, hint: Any) -> "Kind":
        args, optional = get_args(hint), False
        if get_origin(hint) in (Union, UnionType):
            rest = [arg for arg in args if arg is not NoneType]
            hint, optional = rest[0], len(rest) < len(args)
        many = get_origin(hint) is tuple
        if many:
            hint = get_args(hint)[0]
        if get_origin(hint) is Literal:
            choices = get_args(hint)
            return cls(type(choices[0]), optional, many, choices)
        return cls(hint, optional, many)

    @property
    def nested(self) -> bool:
        return isinstance(self.base, type) and issubclass(self.base, Settings)


def misfit(value: Any, kind: Kind, about: About) -> str:
    """Why a value does not fit, else nothing."""
    choices = about.choices or kind.choices
    if value is None:
        return "" if kind.optional else "has to be given"
    if choices and value not in choices:
        return f"{value!r} is none of {', '.join(map(str, choices))}"
    if about.least is not None and not about.least <= value < float("inf"):
        return f"{value} is not a number of at least {about.least:g}"
    return ""

"""Prompts are files; a missing variable is an error."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    DictLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
)

from react_agent.errors import ContractError
from react_agent.fenced import fenced, one_line


class Prompts:
    """The `prompts/` folders of packages, and other folders, the first with a name before others.

    prompts = Prompts("analysis")
    prompts.render("error_agent/system.j2", tools=...)

    Whole templates of a user's `folder` take the place of those of the same name. It is read once.
    `filters` are for `{{ value | name }}`.
    Raises ContractError when one has a name that is not ours, or a variable that ours does not use.
    """

    def __init__(
        self,
        *packages: str | Path,
        folder: Path | None = None,
        filters: Mapping[str, Callable[..., object]] | None = None,
    ) -> None:
        self.folder = folder
        loaders: list[BaseLoader] = [
            FileSystemLoader(one) if isinstance(one, Path) else PackageLoader(one, "prompts")
            for one in packages
        ]
        self._environment = _environment(loaders)
        self._environment.filters |= filters or {}
        if folder is not None:
            texts = _read(folder, self._environment.list_templates())
            ours = self._environment
            self._environment = _environment([DictLoader(texts), *loaders])
            for name in texts:
                _check(folder / name, name, self._environment, _variables(ours, name))

    def render(self, name: str, **values: Any) -> str:
        """Raises jinja2.UndefinedError when the template uses a name that is not given."""
        return self._environment.get_template(name).render(**values).strip()

    def sources(self) -> dict[str, str]:
        """Every template's text by name, to put a hash of the prompts into a run's settings."""
        names = sorted(self._environment.list_templates())
        return {name: _source(self._environment, name) for name in names}


def _environment(loaders: list[BaseLoader]) -> Environment:
    environment = Environment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"fenced": fenced, "one_line": one_line}
    return environment


def _read(folder: Path, known: list[str]) -> Mapping[str, str]:
    if not folder.is_dir():
        raise ContractError(f"{folder}: no such folder of prompts")
    texts: dict[str, str] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or any(part.startswith(".") for part in name.split("/")):
            continue
        if name not in known:
            raise ContractError(f"{path}: no prompt has this name; there are {', '.join(known)}")
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ContractError(f"{path}: cannot be read: {error}") from None
    if not texts:
        raise ContractError(f"{folder}: holds no prompt; there are {', '.join(known)}")
    return texts


def _check(path: Path, name: str, environment: Environment, given: set[str]) -> None:
    """Every variable counts, also in a branch that a run may never reach."""
    try:
        environment.get_template(name)
        unknown = sorted(_variables(environment, name) - given)
    except TemplateNotFound as error:
        raise ContractError(f"{path}: includes {error}, which is no prompt") from None
    except TemplateSyntaxError as error:
        raise ContractError(f"{path}: line {error.lineno}: {error.message}") from None
    except (TemplateError, RecursionError, SyntaxError) as error:  # nested beyond all measure
        raise ContractError(f"{path}: {error}") from None
    if unknown:
        known = ", ".join(sorted(given)) or "none"
        raise ContractError(f"{path}: no variable {', '.join(unknown)}; it may use {known}")


def _variables(environment: Environment, name: str) -> set[str]:
    """What a template and those that it includes are to be given."""
    names = set(_included(environment, name, ()))
    trees = [environment.parse(_source(environment, one)) for one in names]
    return {variable for tree in trees for variable in meta.find_undeclared_variables(tree)}


def _included(environment: Environment, name: str, via: tuple[str, ...]) -> Iterator[str]:
    if name in via:
        raise TemplateError(f"{name} includes itself")
    yield name
    for other in meta.find_referenced_templates(environment.parse(_source(environment, name))):
        if other is None:
            raise TemplateError("an include names its template by a variable")
        yield from _included(environment, other, (*via, name))


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]

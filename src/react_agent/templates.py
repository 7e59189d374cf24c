"""Prompts are files; a missing variable is an error."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from react_agent.fenced import fenced, one_line


class Prompts:
    """The `prompts/` folder of one package.

    prompts = Prompts("analysis")
    prompts.render("error_agent/system.j2", tools=...)
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self._environment = Environment(
            loader=PackageLoader(package, "prompts"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            autoescape=False,
        )
        self._environment.filters |= {"fenced": fenced, "one_line": one_line}

    def render(self, name: str, **values: Any) -> str:
        """Raises jinja2.UndefinedError when the template uses a name that is not given."""
        return self._environment.get_template(name).render(**values).strip()

    def sources(self) -> dict[str, str]:
        """Every template's text by name, to put a hash of the prompts into a run's settings."""
        loader = self._environment.loader
        assert loader is not None
        names = sorted(self._environment.list_templates())
        return {name: loader.get_source(self._environment, name)[0] for name in names}

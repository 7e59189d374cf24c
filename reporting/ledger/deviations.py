"""What sets a run apart from the paper's besides its model, its tasks and its skill.

Each run is asked for the same things, in the same order: what it noted otherwise than the paper,
and what it did not note at all, stands in its rows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reporting.comparing.entrants import Entrant
from reporting.runs.runview import mapping

SEEDS = {"41", "42", "43"}
TURNS = 100
SAMPLING: Mapping[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 40,
    "min_p": 0.0,
    "presence_penalty": 2.0,
    "repetition_penalty": 1.0,
    "chat_template_kwargs": {"enable_thinking": False},
}
"""The paper's settings for agents (gen_config/qwen3.5_35B_122B_instruct_reasoning.json)."""
BUILT_IN = "react"
RELEASED_TEMPERATURE = 0.7
"""What the released code sends for agents, whatever its config says."""


def settings_apart(entrant: Entrant) -> list[str]:
    """One clause for each thing that is known to differ, or is not known."""
    settings = entrant.first.view.settings
    return [
        *_prompts(settings),
        *_harness(settings),
        *_environment(entrant),
        *_sampling(settings),
        *_protocol(entrant),
    ]


def _prompts(settings: Mapping[str, Any]) -> Iterator[str]:
    """The preview of the workbook is part of the edition."""
    noted = mapping(settings.get("prompts"))
    edition = str(noted.get("edition", ""))
    if not edition:
        yield "prompts and preview: no edition noted"
    elif edition == "own":
        yield f"prompts: the user's own ({str(noted.get('digest', ''))[:10]}...)"
        yield "preview: this toolkit's"
    else:
        yield f"prompts: edition {edition} of this toolkit, not the released words"
        yield f"preview: this toolkit's, edition {edition}"


def _harness(settings: Mapping[str, Any]) -> Iterator[str]:
    name = _name(settings.get("harness")) or BUILT_IN
    own = "this toolkit's loop, where a format error costs no turn"
    yield f"harness: {own if name == BUILT_IN else name}, not the released one"


def _environment(entrant: Entrant) -> Iterator[str]:
    """Where the agent's commands ran, and with what."""
    view = entrant.first.view
    python = mapping(mapping(view.settings.get("agent_python")).get("packages"))
    named = ", ".join(f"{name} {version}" for name, version in sorted(python.items()))
    if office := view.settings.get("libreoffice"):
        named += f", LibreOffice {office}"
    kind = view.settings.get("sandbox")
    where = f"sandbox {kind}" if kind else "sandbox not noted"
    what = named or "its Python packages not noted"
    yield f"environment: {where}, {what}; the paper's is not published"


def _sampling(settings: Mapping[str, Any]) -> Iterator[str]:
    sent = mapping(mapping(settings.get("model")).get("generation"))
    apart = [
        f"{name} {_shown(sent.get(name))}, the paper's {_shown(wanted)}"
        for name, wanted in SAMPLING.items()
        if sent.get(name) != wanted
    ]
    apart += [f"{name} {_shown(sent[name])}" for name in sorted({*sent} - {*SAMPLING})]
    heat = sent.get("temperature")
    if heat != RELEASED_TEMPERATURE:
        apart.append(f"temperature {_shown(heat)}, its code sends {RELEASED_TEMPERATURE}")
    yield f"sampling: {'; '.join(apart)}"


def _protocol(entrant: Entrant) -> Iterator[str]:
    turns = entrant.first.view.settings.get("max_turns")
    if turns != TURNS:
        yield f"max_turns {turns}, the paper's {TURNS}"
    if limit := entrant.first.view.settings.get("case_timeout"):
        yield f"a case ends after {limit:g} s, the paper names no limit"
    if entrant.first.rules != "released":
        yield f"scored by the rules {entrant.first.rules}, the paper's are released"
    if {*entrant.seeds} != SEEDS:
        named = ", ".join(seed or "not noted" for seed in entrant.seeds)
        yield f"seeds {named}, the paper's 41, 42, 43"
    if entrant.infrastructure:
        yield f"{len(entrant.infrastructure)} tasks ended by infrastructure count as wrong"
    if entrant.refused:
        yield f"{len(entrant.refused)} tasks were refused by a content filter"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return "not sent" if value is None else str(value)


def _name(value: Any) -> str:
    return value if isinstance(value, str) else str(mapping(value).get("name", ""))

"""What the prompts of a loop cost by stage, beside the paper's released code on the same runs.

    python benchmarks/prompt_tokens.py [--cassette data/mini/cassette.jsonl]

Every request of the bundled demo (rollouts, analysts, evolution of 24 tasks) stands in its
cassette, so the table counts what was sent. Tokens are 4 characters each. The analysts that make
one call for a failure are no part of the demo: their prompts are rendered here, of the same failed
runs. Translation has no row, since the demo's author needs none.

`released` cannot be measured offline and is data: version 0.1.0 of this toolkit was measured beside
the released code at the same inputs (`AT_0_1_0`: its share), and sent `characters` in this same
demo. `after the cache` counts only what no earlier request of the stage began with: what an
endpoint with a prefix cache reads anew.
"""

import argparse
import os
import re
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from measuring.folders import MINI
from measuring.table import ratio, show

from analysis.analysts.asking import PROMPTS
from analysis.evidence.means import Means
from react_agent.models.replay.cassette import message_digest, read_cassette

CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True)
class Stage:
    name: str
    begins: str
    """How its system prompts begin."""
    characters: int
    """Of all its requests in the demo of 0.1.0."""
    share: float
    """Of the released code's, at that version."""
    lessons: bool = True
    """Counted in `lessons and evolution`."""

    @property
    def released(self) -> float:
        return self.characters / self.share


AT_0_1_0 = (
    Stage("agent", "You are a spreadsheet agent", 2_937_467, 0.71, lessons=False),
    Stage("errors, agentic", "You are an error analyst", 491_260, 0.48, lessons=False),
    Stage("errors, one call", "", 80_700, 0.80),
    Stage("successes", "You are a success analyst", 53_911, 0.67),
    Stage("MAP", "You improve a skill", 142_912, 0.88),
    Stage("merge", "You merge patches", 48_676, 0.27),
)


@dataclass
class Sent:
    calls: int = 0
    characters: int = 0
    fresh: int = 0
    """Beyond the longest beginning that an earlier request shares."""
    earlier: list[str] = field(default_factory=list)

    def add(self, request: str) -> None:
        place = bisect(self.earlier, request)  # in order, the neighbours are the most alike
        near = self.earlier[max(0, place - 1) : place + 1]
        known = max((len(os.path.commonprefix([e, request])) for e in near), default=0)  # noqa: RUF071
        self.calls += 1
        self.characters += len(request)
        self.fresh += len(request) - known
        self.earlier.insert(place, request)


def requests(cassette: Path) -> Iterable[list[str]]:
    """The texts of the messages of every request, in the order in which they were sent."""
    texts: dict[str, str] = {}
    for entry in read_cassette(cassette)[1]:
        texts |= {key: str(message["content"]) for key, message in entry.new.items()}
        yield [texts[key] for key in entry.request.messages]
        said = {"role": "assistant", "content": entry.reply.text}
        texts[message_digest(said)] = entry.reply.text


def one_call(agentic: Sequence[str]) -> str:
    """The prompt of the one-call analyst for the failure that an agentic prompt is about."""
    system, user = agentic
    skill = re.search(r"<skill>\n(.*)\n</skill>", system, re.S)
    means = Means(skill[1] if skill else "", "xlsx-basic")
    log = user[user.index("<log>\n") + len("<log>\n") : user.rindex("\n</log>")]
    known = re.search(r"^Found by code: [^(]*\((.*?)\)", user, re.M)
    return PROMPTS.render("error_llm/system.j2", means=means) + PROMPTS.render(
        "single_call_user.j2",
        failed=True,
        judged=True,
        signals="",
        rejected="",
        ended="the agent said that it was done",
        known=known[1] if known else "",
        log=log,
        log_cut=False,
    )


def measured(cassette: Path) -> dict[str, Sent]:
    sent = {stage.name: Sent() for stage in AT_0_1_0}
    for messages in requests(cassette):
        stage = next(s for s in AT_0_1_0 if s.begins and messages[0].startswith(s.begins))
        sent[stage.name].add("".join(messages))
        if stage.name == "errors, agentic" and len(messages) == 2:
            sent["errors, one call"].add(one_call(messages))
    return sent


def rows(sent: dict[str, Sent]) -> list[list[object]]:
    table = [
        row(stage.name, sent[stage.name].calls, [sent[stage.name]], [stage]) for stage in AT_0_1_0
    ]
    for name, errors in (("one call", "errors, one call"), ("agentic", "errors, agentic")):
        stages = [s for s in AT_0_1_0 if s.name == errors or (s.lessons and "errors" not in s.name)]
        chosen = [sent[stage.name] for stage in stages]
        total = sum(one.calls for one in chosen)
        table.append(row(f"lessons and evolution, errors {name}", total, chosen, stages))
    return table


def row(name: str, calls: int, sent: Sequence[Sent], stages: Sequence[Stage]) -> list[object]:
    ours, fresh = sum(one.characters for one in sent), sum(one.fresh for one in sent)
    released = sum(stage.released for stage in stages)
    before = sum(stage.characters for stage in stages)
    tokens = [float(n) / CHARACTERS_A_TOKEN for n in (ours, released)]
    ratios = [ratio(n, released) for n in (before, ours, fresh)]
    return [name, calls, *tokens, *ratios]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cassette", type=Path, default=MINI / "cassette.jsonl")
    heads = ["stage", "calls", "tokens", "released", "0.1.0 / released", "ours / released"]
    heads.append("after the cache / released")
    show("Prompt tokens of a loop", heads, rows(measured(parser.parse_args().cassette)))


if __name__ == "__main__":
    main()

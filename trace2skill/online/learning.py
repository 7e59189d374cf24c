"""One start of the learner: noted sessions in, rounds on, until something waits for the user."""

from dataclasses import dataclass

from react_agent.lock import only_start
from trace2skill.online.deciding import adopt
from trace2skill.online.home import Home, Taken, load_keys
from trace2skill.online.intake import take_in
from trace2skill.online.rounds import Round, carry_on, free, latest, open_round


@dataclass(frozen=True)
class Learnt:
    taken: tuple[Taken, ...]
    """What became of the sessions that were noted."""
    waiting: int
    """Sessions for the next round."""
    rounds: tuple[Round, ...]
    """That this start has worked on."""
    staged: Round | None
    """Waits for the user; until then there is no other round."""


async def learn(home: Home, now: bool = False) -> Learnt:
    """Raises ContractError when another start is at it, and what the endpoint and disk raise."""
    load_keys(home.config.parent)
    taken: list[Taken] = []
    done: list[Round] = []
    while True:
        with only_start(home.folder):
            await _work(home, now, taken, done)
        # Who noted a session while the folder was held was sent away, so that is looked after here.
        if not any(home.notes()) or (done and done[-1].state == "open"):
            return Learnt(tuple(taken), len(free(home)), tuple(done), latest(home, "staged"))


async def _work(home: Home, now: bool, taken: list[Taken], done: list[Round]) -> None:
    taken += take_in(home)
    while not latest(home, "staged") and (one := open_round(home, now)):
        one = await carry_on(home, one)
        if one.state == "staged" and home.settings.auto_adopt:
            one = adopt(home)
        done.append(one)
        if one.state == "open":
            return
        taken += take_in(home)

"""How far a skill that learns has come."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.model import Usage
from react_agent.models.spending.budget import read_spent
from trace2skill.online.client_settings import ClientSettings
from trace2skill.online.home import Home, Taken
from trace2skill.online.rounds import Place, Round, free, latest, rounds
from trace2skill.online.wizard import settings_file


@dataclass(frozen=True)
class OnlineStatus:
    home: Home
    client_settings: Path
    hooked: bool
    """Whether our hook is in them."""
    noted: int
    """Sessions that are not taken in yet."""
    waiting: int
    """Sessions for the next round."""
    left_out: tuple[Taken, ...]
    used: Usage
    """Today."""
    rounds: tuple[Round, ...]
    staged: Round | None
    """Waits to be adopted or rejected."""

    def diff(self) -> str:
        """Of the staged skill, as `patch -p1` takes it; empty where none is."""
        return Place(self.home, self.staged.number).diff() if self.staged else ""


def status_of(home: Home) -> OnlineStatus:
    budget, file = home.budget.budget, settings_file(None)
    return OnlineStatus(
        home,
        file,
        ClientSettings.read(file).command(home.folder) is not None,
        len(list(home.notes())),
        len(free(home)),
        tuple(entry for entry in home.ledger().values() if entry.state == "left out"),
        read_spent(budget).usage() if budget else Usage(),
        tuple(rounds(home)),
        latest(home, "staged"),
    )

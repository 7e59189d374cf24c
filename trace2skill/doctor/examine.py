"""The whole examination: every check, and the audit of the data set."""

from dataclasses import asdict, dataclass
from typing import Any

from react_agent.engines.progress import progress
from react_agent.models.providers.known import known
from spreadsheetbench.audit.data_set import Audit, audit
from trace2skill.doctor import checks as look
from trace2skill.doctor.checks import Check
from trace2skill.doctor.endpoint_check import check_endpoint
from trace2skill.doctor.settings import Doctor


@dataclass(frozen=True)
class Examination:
    """What the doctor found."""

    checks: tuple[Check, ...]
    data: Audit

    @property
    def can_start(self) -> bool:
        return self.data.usable > 0 and all(check.level != "error" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {
            "can_start": self.can_start,
            "checks": [asdict(check) for check in self.checks],
            "data": self.data.model_dump(),
        }


async def examine(settings: Doctor) -> Examination:
    """Calls no model and changes nothing. Raises ContractError for what is no data set."""
    found = [
        look.check_python(),
        *look.check_packages(),
        look.check_engine(),
        look.check_agent_python(look.skill_in(settings.skills_dir, settings.skill)),
        look.check_libreoffice(),
        look.check_sandbox(settings.sandbox),
        look.check_clients(),
        *look.check_resources(settings.workers),
        *look.check_output(settings.output_dir),
        look.check_skill(settings.skills_dir, settings.skill),
    ]
    if not settings.no_endpoint:
        found.append(await _endpoint(settings))
    return Examination(tuple(found), _audit(settings))


async def _endpoint(settings: Doctor) -> Check:
    provider = known(settings.provider) if settings.provider else None
    return await check_endpoint(settings.base_url, settings.api_key, settings.model, provider)


def _audit(settings: Doctor) -> Audit:
    with progress(desc="reading the data set", unit=" tasks", leave=False) as bar:
        return audit(
            settings.data_path,
            start=settings.start_idx,
            end=settings.end_idx,
            done=lambda: (bar.update(), None)[1],
        )

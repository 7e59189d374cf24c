"""The one door: the bench that the settings ask for, here or on a cluster."""

from contextlib import AbstractAsyncContextManager, nullcontext

from react_agent.engines.bench import Bench, In, Out, Site
from react_agent.engines.settings import ExecutorSettings
from react_agent.errors import ContractError
from react_agent.models.settings import ModelSettings


def staffed(
    settings: ExecutorSettings,
    model: ModelSettings,
    site: Site[In, Out],
    here: Bench[In, Out],
    in_flight: int,
) -> AbstractAsyncContextManager[Bench[In, Out]]:
    """The bench that the settings ask for; `here` is the site as this process has opened it.

    Raises ContractError when the engine is not installed or its machines do not fit.
    """
    if settings.executor == "local":
        return nullcontext(here)
    try:
        from react_agent.cluster.ray_cluster import ray_bench
    except ModuleNotFoundError as missing:
        if missing.name != "ray":
            raise
        raise ContractError(
            "--executor ray needs Ray on every machine: pip install 'trace2skill-toolkit[ray]'"
        ) from None
    return ray_bench(settings, model, site, here, in_flight)

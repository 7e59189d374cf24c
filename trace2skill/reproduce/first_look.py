"""Whether the endpoint can be asked at all, before a stage waits for it."""

from react_agent.errors import EndpointDown
from react_agent.models.providers.known import known
from trace2skill.reproduce.recipe import ModelTable, Recipe

LISTS_MODELS = "openai"
"""The client whose endpoints can be asked what they have."""


async def look_at_endpoint(recipe: Recipe) -> str:
    """What is doubtful about it, in a line. Raises EndpointDown when it does not answer, or not
    to this key; a model that it does not list may still be there under an alias."""
    if recipe.recorded:
        return ""
    different = {
        (one.llm_client, one.provider, one.base_url, one.name): one
        for one in recipe.model.by_role.values()
    }
    doubts = [await _look_at(model) for model in different.values()]
    return "; ".join(filter(None, doubts))


async def _look_at(model: ModelTable) -> str:
    if model.llm_client != LISTS_MODELS:
        return ""
    from trace2skill.doctor.endpoint_check import check_endpoint

    provider = known(model.provider) if model.provider else None
    found = await check_endpoint(model.base_url or None, None, model.name, provider)
    if found.level == "ok":
        return ""
    mend = found.mend.replace("--model, ", "model.name, ")
    words = f"{found.says}; {mend}" if mend else found.says
    if found.level == "error":
        raise EndpointDown(f"nothing was begun: {words}")
    return words

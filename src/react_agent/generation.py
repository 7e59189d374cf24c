"""Sampling settings of a model, as the files in `gen_config/` hold them."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from react_agent.settings import read_settings

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[int, Field(gt=0)]

NOT_IN_EXTRA_BODY = ("messages", "model", "n", "prompt", "stream")
"""They change what is asked or how the answer comes back; sampling settings do neither."""


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class GenerationConfig(BaseModel):
    """What a request body says besides the model, the messages and the seed.

    What is not given is not sent, or has the stage's default; what is given as null is not sent
    whatever the stage would send: for endpoints that refuse `stop`, `seed` or `temperature`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Annotated[Number, Field(ge=0)] | None = None
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    stop: Annotated[tuple[str, ...], BeforeValidator(_listed)] | None = None
    reasoning_effort: str | None = None
    timeout: Annotated[Number, Field(gt=0)] = 600.0
    """Seconds that one request may take from its first byte out to its last byte in."""
    seed: int | None = None
    """For runs that are given no seed of their own."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Settings that only this server knows (top_k, chat_template_kwargs); merged into the body."""

    @field_validator("extra_body")
    @classmethod
    def _only_settings(cls, value: dict[str, Any]) -> dict[str, Any]:
        wrong = [key for key in NOT_IN_EXTRA_BODY if key in value]
        if wrong:
            raise ValueError(f"may not set {', '.join(wrong)}")
        if isinstance(value.get("stop"), str):
            value = {**value, "stop": [value["stop"]]}
        return value

    @classmethod
    def load(cls, text_or_path: str | None) -> "GenerationConfig":
        """From JSON text or a file; None gives the defaults. Raises ContractError."""
        if text_or_path is None:
            return cls()
        return read_settings(cls, text_or_path, "generation config")

    def parameters(
        self, *, temperature: float | None = None, default_temperature: float | None = None
    ) -> dict[str, Any]:
        """Members of the request body: an explicit temperature wins over the config (extra_body
        included), the config over the default. The seed is the model's to add, last."""
        sent = self.model_dump(mode="json", exclude_none=True)
        extra = sent.pop("extra_body")
        del sent["timeout"]
        sent.pop("seed", None)
        sent = {name: value for name, value in {**sent, **extra}.items() if value is not None}
        if temperature is not None:
            sent["temperature"] = temperature
        elif default_temperature is not None and "temperature" not in self.left_out:
            sent.setdefault("temperature", default_temperature)
        return sent

    @property
    def left_out(self) -> frozenset[str]:
        """Parameters that are given as null."""
        given = {name: getattr(self, name) for name in self.model_fields_set} | self.extra_body
        return frozenset(name for name, value in given.items() if value is None)

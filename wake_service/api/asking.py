"""What can be asked for: the bodies of docs/wire.md, `POST /v1/generate`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wake_service.api import problems
from wake_service.comfy.overrides import Overrides
from wake_service.comfy.request import Lora, Mode

MAX_SIDE = 8192
#: LoRAs in one list.
MAX_LORAS = 20
_Checksum = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Side = Annotated[int, Field(ge=64, le=MAX_SIDE, multiple_of=8)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class RegionBody(_Body):
    """Where the picture belongs in her document."""

    x: int = Field(ge=-1_000_000, le=1_000_000)
    y: int = Field(ge=-1_000_000, le=1_000_000)
    width: int = Field(ge=1, le=1_000_000)
    height: int = Field(ge=1, le=1_000_000)


class SizeBody(_Body):
    """A size in pixels."""

    width: _Side
    height: _Side


class LoraBody(_Body):
    """A LoRA file with its strength."""

    name: _Name
    strength: float = Field(1.0, ge=-10, le=10)


class OverridesBody(_Body):
    """What is to be other than in the style."""

    checkpoint: _Name | None = None
    vae: _Name | None = None
    sampler: _Name | None = None
    scheduler: _Name | None = None
    steps: int | None = Field(None, ge=1, le=1000)
    cfg: float | None = Field(None, ge=0, le=100)
    guidance: float | None = Field(None, ge=0, le=100)
    prompt_template: str | None = Field(None, max_length=4_000)
    negative_prompt: str | None = Field(None, max_length=4_000)
    loras: list[LoraBody] | None = Field(None, max_length=MAX_LORAS)

    def overrides(self) -> Overrides:
        """The same as a value."""
        plain = self.model_dump(exclude={"loras"})
        return Overrides(**plain, loras=None if self.loras is None else _loras(self.loras))


class GenerateBody(_Body):
    """One job."""

    mode: Annotated[Mode, Field(strict=False)]
    prompt: str = Field(max_length=10_000)
    negative_prompt: str = Field("", max_length=10_000)
    style: str = Field(min_length=1, max_length=200)
    strength: float = Field(1.0, gt=0, le=1)
    image: _Checksum | None = None
    mask: _Checksum | None = None
    width: _Side | None = None
    height: _Side | None = None
    region: RegionBody | None = None
    seed: int | None = Field(None, ge=0, lt=2**64)
    count: int = Field(1, ge=1, le=10)
    reference: str | None = Field(None, max_length=500)
    loras: list[LoraBody] = Field([], max_length=MAX_LORAS)
    overrides: OverridesBody | None = None
    first_pass: SizeBody | None = None
    fill: Literal["model"] | None = None
    gather: bool = False
    group: str | None = Field(None, max_length=100)
    front: bool = False

    @classmethod
    def parsed(cls, raw: bytes) -> GenerateBody:
        """The body of a request. Raises RequestError."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            raise problems.of_validation(error.errors()) from error

    def own_loras(self) -> tuple[Lora, ...]:
        """LoRAs on top of the style's."""
        return _loras(self.loras)

    def own_overrides(self) -> Overrides | None:
        """What she changed of the style."""
        return self.overrides.overrides() if self.overrides else None


class PriceBody(BaseModel):
    """What a price depends on, of a body as for `generate`, or of what is gathered."""

    model_config = ConfigDict(extra="ignore", strict=True)

    mode: Annotated[Mode, Field(strict=False)] = Mode.TEXT_TO_IMAGE
    style: str = Field("", max_length=200)
    strength: float = Field(1.0, gt=0, le=1)
    width: _Side | None = None
    height: _Side | None = None
    first_pass: SizeBody | None = None
    overrides: OverridesBody | None = None
    count: int = Field(1, ge=1, le=10)
    front: bool = False
    gathered: bool = False


def _loras(bodies: list[LoraBody]) -> tuple[Lora, ...]:
    return tuple(Lora(body.name, body.strength) for body in bodies)

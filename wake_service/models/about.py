"""What is known about a model: a small JSON file beside it in the store, `.about/FOLDER/NAME.json`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wake_service.errors import ModelError

#: SPDX ids, `LicenseRef-…`, and the plain ids that model sites use (`openrail++`, `flux-1-dev-non-commercial-license`).
_LICENSE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}")


class Commercial(StrEnum):
    """Whether pictures made with a model may be sold: a model's class. `ask`: under conditions that somebody must read."""

    YES = "yes"
    NO = "no"
    ASK = "ask"


class About(BaseModel):
    """A model's name, checksum, size in bytes, licence and class, and when it was added (epoch seconds)."""

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0, strict=True)]
    license: str = ""
    commercial: Commercial
    added_at: float = 0.0


def read_about(name: str, text: bytes) -> About:
    """What the file beside a model says. Raises ModelError that names the flaw."""
    try:
        about = About.model_validate_json(text)
    except ValidationError as flaw:
        first = flaw.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first["loc"] else "it is no JSON object"
        raise ModelError(f"What is written about {name} cannot be used ({reason}). Add the model again.") from flaw
    if about.name != name:
        raise ModelError(f"What is written about {name} is about {about.name}. Add the model again.")
    return about


def checked_license(license_id: str) -> str:
    """The id itself if it can be one. Raises ModelError."""
    if not _LICENSE.fullmatch(license_id):
        raise ModelError(
            f"“{license_id}” cannot be a licence's id: letters, digits, and . + _ - only. Use its SPDX id (MIT, CC-BY-NC-4.0), "
            "the id on the model's page (openrail), or LicenseRef- and a word of your own."
        )
    return license_id

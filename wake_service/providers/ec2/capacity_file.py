"""The admin's plan for times when machines are taken, read from a TOML file.

tries = 3                       # ask for the same machine so often,
pause = 5                       # so many seconds apart
types = ["g6.xlarge", "g5.2xlarge"]   # then as one of these
create = true                   # then make a new machine,
zones = ["us-east-1b"]          # here,
on_demand = true                # at the full price where no spot machine is to be had,
most_machines = 4               # while the pool has fewer than this
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wake_service.errors import SetupError
from wake_service.providers.ec2.capacity import Plan

_TypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$")]
_ZoneName = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d+[a-z]$")]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tries: int = Field(3, ge=1, le=20)
    pause: float = Field(5.0, ge=0, le=60)
    types: tuple[_TypeName, ...] = ()
    zones: tuple[_ZoneName, ...] = ()
    create: bool = False
    on_demand: bool = False
    most_machines: int = Field(4, ge=1, le=50)
    snapshot_days: float = Field(14.0, gt=0)
    disk_mib_per_second: float = Field(100.0, gt=0)
    first_gib: float = Field(8.0, ge=0)


def load_plan(path: Path | None) -> Plan:
    """The plan in the file; without one, the same machine three times and nothing new. Raises SetupError."""
    if path is None:
        return Plan()
    try:
        return Plan(**_File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).model_dump())
    except OSError as error:
        raise SetupError(f"The capacity file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, ValidationError) as error:
        raise SetupError(f"The capacity file {path} cannot be used: {_flaws(error)}") from error


def _flaws(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return f"{error}."
    return "; ".join(f"{'.'.join(map(str, flaw['loc']))}: {flaw['msg']}" for flaw in error.errors()) + "."

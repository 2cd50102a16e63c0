"""What AWS asks for things, from a dated file; an admin's own file wins entry by entry. Money in millionths of its currency."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wake_service.errors import SetupError

#: The prices that come with the program; each with its source and date.
OUR_FILE = Path(__file__).with_name("prices.toml")
MICROS = 1_000_000
#: A month as AWS counts it in its examples, in hours.
HOURS_A_MONTH = 730

#: Whole units of the currency; the limit catches a price that was written in cents or micros.
_Price = Annotated[float, Field(ge=0, le=10_000)]


class _Spot(BaseModel):
    model_config = ConfigDict(extra="forbid")

    typical: float = Field(gt=0, le=1)


class _Everywhere(BaseModel):
    model_config = ConfigDict(extra="forbid")

    address_hour: _Price | None = None
    alarm_month: _Price | None = None


class _Region(BaseModel):
    """One `[region.NAME]` table; months are per GB."""

    model_config = ConfigDict(extra="forbid")

    volume_month: dict[str, _Price] = {}
    snapshot_month: _Price | None = None
    files_month: _Price | None = None
    objects_month: _Price | None = None
    address_hour: _Price | None = None
    alarm_month: _Price | None = None
    hour: dict[str, _Price] = {}
    spot_hour: dict[str, _Price] = {}


class _PriceFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: date
    currency: str = Field(pattern="^[A-Z]{3}$")
    spot: _Spot
    everywhere: _Everywhere
    region: dict[str, _Region]


class Prices:
    """Prices by region and kind. None means that the price is not known: say so (`unknown`), never take it for nothing."""

    def __init__(self, listed: _PriceFile) -> None:
        self._listed = listed

    @classmethod
    def load(cls, override: Path | None = None) -> Prices:
        """The prices that come with the program, with the entries of `override` (the same form, any part of it) in their place.

        Raises SetupError that names every flaw of `override`.
        """
        if override is None:
            return cls(_ours())
        written = _read(override)
        try:
            return cls(_PriceFile.model_validate(_merged(_read(OUR_FILE), written)))
        except ValidationError as flaw:
            lines = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in flaw.errors())
            raise SetupError(f"The prices file {override} cannot be used: {lines}") from flaw

    @property
    def as_of(self) -> date:
        """When the prices were looked at; an admin's file says its own `as_of`."""
        return self._listed.as_of

    @property
    def currency(self) -> str:
        """What all of them are in."""
        return self._listed.currency

    def regions(self) -> list[str]:
        """The regions of which something is known."""
        return sorted(self._listed.region)

    def hour_micros(self, region: str, instance_type: str, *, spot: bool = False) -> int | None:
        """An hour of a machine. As a spot machine: what an admin wrote for it, else the typical share of its price on demand."""
        known = self._region(region)
        if spot and instance_type in known.spot_hour:
            return _micros(known.spot_hour[instance_type])
        price = known.hour.get(instance_type)
        if price is None:
            return None
        return _micros(price * self._listed.spot.typical if spot else price)

    def volume_month_micros(self, region: str, kind: str, gib: float) -> int | None:
        """A month of a disk of `gib` GiB, asleep or awake, of a kind such as `gp3`, as fast as it is without extra charge."""
        return _micros(self._region(region).volume_month.get(kind), gib)

    def snapshot_month_micros(self, region: str, gib: float) -> int | None:
        """A month of `gib` GiB in snapshots."""
        return _micros(self._region(region).snapshot_month, gib)

    def files_month_micros(self, region: str, gib: float) -> int | None:
        """A month of `gib` GiB in the shared file system."""
        return _micros(self._region(region).files_month, gib)

    def objects_month_micros(self, region: str, gib: float) -> int | None:
        """A month of `gib` GiB in the bucket."""
        return _micros(self._region(region).objects_month, gib)

    def address_hour_micros(self, region: str) -> int | None:
        """An hour of a public IPv4 address: every machine that is awake has one."""
        own = self._region(region).address_hour
        return _micros(self._listed.everywhere.address_hour if own is None else own)

    def alarm_month_micros(self, region: str) -> int | None:
        """A month of an alarm."""
        own = self._region(region).alarm_month
        return _micros(self._listed.everywhere.alarm_month if own is None else own)

    def unknown(self, what: str, region: str) -> str:
        """The sentence for a price that is not known; `what` as a person would say it ("g5.xlarge", "snapshots")."""
        return (
            f"What {what} costs in {region} is not known (prices of {self.as_of:%d %B %Y}). "
            "Write it into a file and name that in WAKEBRUSH_AWS_PRICES_FILE."
        )

    def _region(self, name: str) -> _Region:
        return self._listed.region.get(name) or _Region()


@cache
def _ours() -> _PriceFile:
    return _PriceFile.model_validate(_read(OUR_FILE))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as flaw:
        raise SetupError(f"The prices file {path} cannot be read: {flaw}") from flaw


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over`'s entries in the place of `base`'s, table by table."""
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _micros(price: float | None, amount: float = 1.0) -> int | None:
    return None if price is None else round(price * amount * MICROS)

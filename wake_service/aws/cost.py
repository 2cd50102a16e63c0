"""What a deployment costs in a month in which nobody paints: one line a thing, and what is not known is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wake_service.aws.inventory import Kind, Thing
from wake_service.aws.prices import HOURS_A_MONTH, MICROS, Prices

#: The states of a machine in which AWS asks for its hours.
_AWAKE = frozenset({"pending", "running"})
#: Things that cost nothing by themselves while nobody paints.
_FREE = frozenset({Kind.SPOT_REQUEST, Kind.IMAGE, Kind.TOKEN, Kind.SCHEDULE})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing and its month. `month_micros` in millionths of the currency, None when the price is not known; `note` says
    what the number does not."""

    thing: Thing
    month_micros: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """A month asleep. `total_micros` adds up what is known; `hour_micros` is what is spent each hour just now, by machines that
    are awake."""

    lines: tuple[Line, ...]
    total_micros: int
    hour_micros: int
    unknown: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For programs; money in whole units of the currency."""
        return {
            "month_asleep": self.total_micros / MICROS,
            "hour_now": self.hour_micros / MICROS,
            "things": [
                {
                    "kind": line.thing.kind,
                    "id": line.thing.id,
                    "name": line.thing.name,
                    "month": None if line.month_micros is None else line.month_micros / MICROS,
                    "note": line.note,
                }
                for line in self.lines
            ],
            "unknown": list(self.unknown),
        }


def bill(things: Iterable[Thing], prices: Prices, region: str) -> Bill:
    """The bill of these things, in the order given."""
    things = list(things)
    lines = tuple(_line(thing, prices, region) for thing in things)
    unknown = dict.fromkeys(prices.unknown(_what(line.thing), region) for line in lines if line.month_micros is None)
    hours = [prices.hour_micros(region, t.model, spot=t.spot) or 0 for t in things if t.paints and t.state in _AWAKE]
    return Bill(lines, sum(line.month_micros or 0 for line in lines), sum(hours), tuple(unknown))


def _line(thing: Thing, prices: Prices, region: str) -> Line:
    match thing.kind:
        case Kind.MACHINE:
            return _machine(thing, prices, region)
        case Kind.DISK:
            note = "no machine has it" if thing.state == "available" else f"{thing.gib:.0f} GiB {thing.model}"
            return Line(thing, prices.volume_month_micros(region, thing.model, thing.gib), note)
        case Kind.SNAPSHOT:
            return Line(
                thing, prices.snapshot_month_micros(region, thing.gib), f"at most: {thing.gib:.0f} GiB if all of it is stored"
            )
        case Kind.ADDRESS:
            hour = prices.address_hour_micros(region)
            return Line(thing, None if hour is None else hour * HOURS_A_MONTH, "reserved, used or not")
        case Kind.ALARM:
            return Line(thing, prices.alarm_month_micros(region), "the first ten of an account are free")
        case Kind.FILES:
            return Line(thing, prices.files_month_micros(region, thing.gib), f"{thing.gib:.1f} GiB")
        case Kind.BUCKET:
            return Line(
                thing, prices.objects_month_micros(region, thing.gib), f"at most: {thing.gib:.1f} GiB, old pictures cost less"
            )
        case Kind.OTHER if thing.id.startswith("natgateway/"):
            return Line(thing, None, "costs something every hour")
        case _:
            return Line(thing, 0)


def _machine(thing: Thing, prices: Prices, region: str) -> Line:
    hour = prices.hour_micros(region, thing.model, spot=thing.spot)
    if not thing.paints:
        return Line(thing, None if hour is None else hour * HOURS_A_MONTH, f"{thing.model}, never asleep: the service runs on it")
    if thing.state not in _AWAKE:
        return Line(thing, 0, f"{thing.model}, asleep")
    price = "at a price that is not known" if hour is None else f"for {money(hour, prices.currency)} an hour"
    return Line(thing, 0, f"{thing.model}, awake just now {price}")


def _what(thing: Thing) -> str:
    return {
        Kind.MACHINE: thing.model,
        Kind.DISK: f"a disk of kind {thing.model}",
        Kind.SNAPSHOT: "a snapshot",
        Kind.ADDRESS: "an address",
        Kind.ALARM: "an alarm",
        Kind.FILES: "a shared file system",
        Kind.BUCKET: "a bucket",
    }.get(thing.kind, thing.id)


def money(micros: int, currency: str) -> str:
    """`USD 1.01` for millionths."""
    return f"{currency} {micros / MICROS:,.2f}"

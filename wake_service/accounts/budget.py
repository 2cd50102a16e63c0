"""Whether a team may spend more this month. Pure; money in millionths of the currency unit."""

from __future__ import annotations

from dataclasses import dataclass

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """A team's month: the limit (None: no limit) and what is spent of it."""

    limit_micros: int | None
    spent_micros: int

    def allows(self, reserve_micros: int) -> bool:
        """Whether `reserve_micros` more fit. A wake reserves its wake time and idle tail, so that it cannot overrun."""
        return self.limit_micros is None or self.spent_micros + reserve_micros <= self.limit_micros


def reserve_micros(seconds: float, price_micros_per_hour: int) -> int:
    """What `seconds` of a machine cost."""
    return round(seconds * price_micros_per_hour / 3600)

"""When a machine counts as idle for long enough. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import AUTO, IdleSettings

#: What AUTO may come to. Shorter, and the pause between two brush strokes puts the machine to sleep; longer, and a price that
#: somebody mistyped keeps it awake all day.
AUTO_LEAST, AUTO_MOST = 60.0, 14_400.0
#: One look at everything may take so long when all that can hang does.
_LEAST_BLINK = 20.0


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of `verdict`.

    Without work for `window` the machine stops. `boot_seconds` after a boot (or after a suspend) count as work. All that is
    missing postpones the stop by at most `missing_seconds`. Time between two samples that is longer than `blink` was watched
    by nobody.
    """

    window: float = 1800.0
    boot_seconds: float = 600.0
    missing_seconds: float = 900.0
    blink: float = 30.0

    @classmethod
    def of(cls, settings: IdleSettings) -> Policy:
        """As the machine's settings say."""
        return cls(
            window=auto_window(settings) if settings.seconds == AUTO else float(settings.seconds),
            boot_seconds=settings.boot_seconds,
            missing_seconds=settings.missing_seconds,
            blink=max(_LEAST_BLINK, settings.period_seconds / 2),
        )


def auto_window(settings: IdleSettings) -> float:
    """How long to wait until idling has cost as much as the artist's wait for a wake is worth.

    `price_per_hour` × window = `wake_seconds` × `wait_value_per_hour`. Whether to keep the machine is the ski-rental problem:
    rent (idle on) or buy (stop, and wait for a wake later), without knowing when the next picture will be asked for. Who buys
    once the rent has come to the price of buying never pays more than twice of what one who knew the future would have paid,
    and no fixed rule does better (Karlin, Manasse, Rudolph, Sleator: Competitive snoopy caching, 1988).
    """
    worth = settings.wake_seconds * settings.wait_value_per_hour
    if worth >= AUTO_MOST * settings.price_per_hour:
        return AUTO_MOST
    return max(AUTO_LEAST, worth / settings.price_per_hour)

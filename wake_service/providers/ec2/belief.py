"""What is believed of a machine while AWS's list may still be behind an order that AWS has accepted. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wake_service.providers.base import Power
from wake_service.providers.ec2.instance import Instance


@dataclass(frozen=True, slots=True)
class Expectation:
    """An accepted order to start or stop (`power` is STARTING or STOPPING) of a machine that was `before`; `word` was written on
    it before a start. Good until that moment (epoch seconds): then the list is believed whatever it says."""

    power: Power
    before: Instance
    until: float
    word: str | None = None


def believed(listed: Instance, expected: Expectation | None, now: float) -> Instance:
    """The machine as it is to be taken: as listed, unless the list clearly shows what was before the order."""
    if expected is None or now >= expected.until:
        return listed
    if expected.word is not None:
        listed = replace(listed, word=expected.word)
    old_life = listed.launched_at == expected.before.launched_at
    if expected.power is Power.STARTING and old_life and listed.power is Power.STOPPED:
        return replace(listed, power=Power.STARTING, reason=None, behind=True)
    if expected.power is Power.STOPPING and old_life and listed.power in (Power.STARTING, Power.RUNNING):
        return replace(listed, power=Power.STOPPING)
    return listed

"""How often somebody may guess: few wrong tries from one address in a while."""

from __future__ import annotations

from collections import deque
from ipaddress import IPv6Address, ip_address

from cachetools import LRUCache

from wake_service.clock import Clock


class Attempts:
    """Counts tries by address. A try counts from when it begins, so that many at once are not one; a right one is forgiven."""

    def __init__(self, clock: Clock, *, most: int = 10, seconds: float = 900.0) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._tries: LRUCache[str, deque[float]] = LRUCache(10_000)

    def begin(self, address: str) -> float:
        """0 when somebody at this address may try (and it is counted), else the seconds until she may."""
        now, key = self._clock.now(), _whose(address)
        tries = self._tries.setdefault(key, deque())
        while tries and tries[0] <= now - self._seconds:
            tries.popleft()
        if len(tries) >= self._most:
            return tries[0] + self._seconds - now
        tries.append(now)
        return 0.0

    def forgive(self, address: str) -> None:
        """The last try was right: it does not count."""
        if tries := self._tries.get(_whose(address)):
            tries.pop()


def _whose(address: str) -> str:
    """One household's addresses are one: of IPv6 the first 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None else address

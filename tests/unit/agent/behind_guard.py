"""What stands behind the guard in these tests, and how it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.support.guard import Guard
from wake_service.agent.memory import MachineTimes, MemoryMachine

TOKEN = "the token of this wake"
TIMES = MachineTimes(guard=0.0, booting=0.0, engine=0.0, heartbeat=0.2)
DEADLINE = 10.0


@dataclass
class Behind:
    url: str
    machine: MemoryMachine
    guard: Guard

    @asynccontextmanager
    async def session(self, token: str | None = TOKEN, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A plain HTTP client of the guard."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        pin = aiohttp.Fingerprint(bytes.fromhex(self.machine.fingerprint))
        timeout = aiohttp.ClientTimeout(total=DEADLINE)
        async with aiohttp.ClientSession(
            self.url, headers=headers, timeout=timeout, connector=aiohttp.TCPConnector(ssl=pin)
        ) as session:
            yield session

    async def ask(self, method: str, path: str, *, token: str | None = TOKEN, **arguments: Any) -> tuple[int, Any, Any]:
        """Status, headers and JSON of one call."""
        async with self.session(token) as session, session.request(method, path, **arguments) as answer:
            return answer.status, answer.headers, await answer.json(content_type=None)

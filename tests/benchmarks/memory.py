"""What 10,000 queued jobs and 200 event streams add to the service's memory."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil
from sqlalchemy import select

from tests.benchmarks.report import Metric
from tests.benchmarks.services import NEVER_AWAKE, service
from tests.support.running_service import RunningService
from wake_service.accounts import people, tokens
from wake_service.accounts.tokens import Role, Scope
from wake_service.cli import change
from wake_service.store.store import Transaction
from wake_service.store.tables import teams

JOBS, ARTISTS, AT_ONCE = 10_000, 200, 32
SETTLE_SECONDS = 3.0
MIB = 1024 * 1024
BODY = {"mode": "text_to_image", "prompt": "a lighthouse", "style": "practice-sketch", "width": 512, "height": 512}


def measure(folder: Path) -> dict[str, Metric]:
    """Resident memory of the service's process after, minus before; the machine never wakes, so every job stays queued."""
    studio = hire(folder / "service")
    with service(folder, practice_args=NEVER_AWAKE) as running:
        with running.artist() as artist:
            artist.generate()
        before = resident(running)
        time.sleep(SETTLE_SECONDS)
        noise = abs(resident(running) - before)
        after = asyncio.run(under_load(running, studio))
    how = (
        f"RSS of the service's process with {ARTISTS} artists, each with an open event stream and {JOBS // ARTISTS} queued jobs, "
        f"minus its RSS after a first job ({before / MIB:.0f} MiB)"
    )
    return {"added_rss_mib": Metric((after - before) / MIB, "MiB", 200, "lower", 1, how, noise / MIB)}


def hire(data: Path) -> list[str]:
    """As many artists as wanted, in the database of a service that does not run yet; their tokens."""

    def work(tx: Transaction) -> list[str]:
        team: str = tx.conn.execute(select(teams.c.id)).scalar_one()
        now = time.time()
        ids = [people.add(tx, team, f"artist {number}", Role.ARTIST, now) for number in range(ARTISTS)]
        return [tokens.create(tx, artist, "bench", frozenset(Scope), now)[1] for artist in ids]

    return change(data, work)


async def under_load(running: RunningService, studio: list[str]) -> int:
    """Opens every stream, queues every job, and measures while the streams are open and have read everything."""
    limit = asyncio.Semaphore(AT_ONCE)
    per_artist = JOBS // len(studio)
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(running.endpoint, connector=connector))
        readers = []
        for token in studio:
            headers = {"Authorization": f"Bearer {token}"}
            socket = await stack.enter_async_context(session.ws_connect("/v1/events", headers=headers, max_msg_size=0))
            readers.append(asyncio.create_task(heard(socket, per_artist)))

        async def submit(token: str) -> None:
            async with limit, session.post("/v1/generate", json=BODY, headers={"Authorization": f"Bearer {token}"}) as answer:
                if answer.status != 202:
                    raise RuntimeError(f"A job was not accepted: {answer.status} {await answer.text()}")

        await asyncio.gather(*(submit(token) for token in studio for _ in range(per_artist)))
        await asyncio.gather(*readers)
        await asyncio.sleep(SETTLE_SECONDS)
        return resident(running)


async def heard(socket: aiohttp.ClientWebSocketResponse, jobs: int) -> None:
    """Reads until so many jobs were announced."""
    while jobs:
        jobs -= (await socket.receive_json(timeout=120))["type"] == "job.queued"


def resident(running: RunningService) -> int:
    """Bytes of physical memory that the service's own process holds."""
    size: int = psutil.Process(running.pid).memory_info().rss
    return size

"""A whole service in this process: real database, a cloud and pictures in memory, a clock that the test moves."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert

from tests.support.asgi import Answer, Caller, Stream
from wake_service.accounts import people, tokens
from wake_service.accounts.tokens import Role, Scope
from wake_service.api.application import create_app
from wake_service.app import Service
from wake_service.blobs.memory import MemoryBlobs
from wake_service.clock import ManualClock
from wake_service.gateway.application import create_gateway
from wake_service.machinery import Machinery
from wake_service.machines.model import Machine, MachineState
from wake_service.providers.fake import FakeProvider
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.settings import Settings
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import teams

STYLE = "practice-gouache"
DEADLINE = 20.0
#: What a machine of this house costs: 0.001 USD a second.
PRICE = 3_600_000
TEXT = {"mode": "text_to_image", "prompt": "a lighthouse", "style": STYLE, "width": 64, "height": 64}


@cache
def empty_database() -> bytes:
    """A database with all its tables: making them takes longer than most tests here."""
    with TemporaryDirectory() as folder:
        store = Store.sqlite(Path(folder) / "empty.db")
        upgrade(store.engine)
        store.close()
        return (Path(folder) / "empty.db").read_bytes()


class House:
    """`mira` is the artist of this computer, `noor` belongs to another team. `engine_address` is where machine `m1` answers."""

    def __init__(self, data: Path, engine_address: str = "http://127.0.0.1:9", **settings: Any) -> None:
        clock = ManualClock()
        times = FakeTimes(starting=1, booting=1, stopping=1, forced_stopping=1)
        self.provider = FakeProvider(clock, ["m1"], times=times, address=engine_address)
        machinery = Machinery({"fake": self.provider}, [Machine("m1", "default", "fake", PRICE)])
        self.build(Settings(data=data, **settings), clock, machinery, MemoryBlobs())

    def build(self, settings: Settings, clock: ManualClock, machinery: Machinery, blobs: MemoryBlobs, **more: Any) -> None:
        """The service over these machines; its tables are there already."""
        database = settings.data / "wakebrush.db"
        if not database.exists():
            settings.data.mkdir(parents=True, exist_ok=True)
            database.write_bytes(empty_database())
        self.clock, self.blobs = clock, blobs
        self.service = Service(settings, clock, machinery=machinery, blob_store=blobs, **more)
        self.app = create_app(self.service)
        self.gateway = create_gateway(self.service)
        self.anybody = Caller(self.app)
        self.mira = self.noor = self.anybody

    @asynccontextmanager
    async def open(self) -> AsyncIterator[House]:
        """Starts and stops it as its server would."""
        async with self.app.router.lifespan_context(self.app):
            self.mira = await self.token()
            self.noor = Caller(self.app, await self.service.store.write(self._noor))
            yield self

    def _noor(self, tx: Transaction) -> str:
        noor = people.find(tx.conn, "Noor")
        if noor is None:
            tx.conn.execute(insert(teams).values(id="atelier", name="Atelier", created_at=self.clock.now()))
            noor = people.add(tx, "atelier", "Noor", Role.ARTIST, self.clock.now())
        return tokens.create(tx, noor, "", tokens.USUAL, self.clock.now())[1]

    async def token(self, *scopes: Scope, days: float | None = None, revoked: bool = False) -> Caller:
        """The artist of this computer, with a new token (for everything, if nothing else is said)."""
        until = None if days is None else self.clock.now() + days * 86400

        def work(tx: Transaction) -> str:
            artist = people.find(tx.conn, people.DEFAULT_ARTIST) or ""
            granted = frozenset(scopes) or tokens.USUAL
            token_id, secret = tokens.create(tx, artist, "", granted, self.clock.now(), until)
            if revoked:
                tokens.revoke(tx, token_id, self.clock.now())
            return secret

        return Caller(self.app, await self.service.store.write(work))

    def at_gateway(self, who: Caller) -> Caller:
        """The same person with the same token at the gateway, where ComfyUI is below `/comfy`."""
        return Caller(self.gateway, who.token)

    @property
    def state(self) -> MachineState:
        return self.service.fleet.get("m1").state

    async def until(self, state: MachineState) -> None:
        """Lets time pass until the machine is in a state (its engine and the database take real time)."""
        async with asyncio.timeout(DEADLINE):
            while self.state is not state:
                await self.clock.advance(0.5)
                await asyncio.sleep(0.002)

    async def stream(self, path: str = "/v1/events", who: Caller | None = None) -> Stream:
        """An event stream that has begun: what happens from now on is told on it."""
        stream = await (who or self.mira).connect(path)
        await stream.spoken_to()
        return stream


async def until_gone(house: House, checksum: str) -> None:
    """Lets time pass until a picture's bytes are deleted (the database takes real time)."""
    async with asyncio.timeout(DEADLINE):
        while await house.blobs.exists(checksum):
            await house.clock.advance(0.05)
            await asyncio.sleep(0.002)


async def upload(who: Caller, data: bytes) -> str:
    """Sends a picture; its checksum."""
    checksum = hashlib.sha256(data).hexdigest()
    answer = await who.ask("PUT", f"/v1/blobs/{checksum}", body=data)
    assert answer.status == 201, answer.body
    return checksum


async def generate(who: Caller, key: str | None = None, **fields: Any) -> Answer:
    """Asks for a small picture from text, unless told otherwise."""
    base = TEXT if fields.get("mode", "text_to_image") == "text_to_image" else {"prompt": "a lighthouse", "style": STYLE}
    return await who.ask("POST", "/v1/generate", json=base | fields, headers={"Idempotency-Key": key} if key else {})


async def accepted(who: Caller, **fields: Any) -> dict[str, Any]:
    """The job of a request that must be accepted."""
    answer = await generate(who, **fields)
    assert answer.status == 202, answer.body
    job: dict[str, Any] = answer.json["job"]
    return job

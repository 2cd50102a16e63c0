"""Four hundred days of one service that nobody touches, by a clock that leaps, and what there is to be seen of them."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch
from zoneinfo import ZoneInfo

from cachetools import LRUCache
from sqlalchemy import Connection, event, func, insert, select

from tests.service.house import PRICE, accepted, empty_database, generate, upload
from tests.service.quick_engine import QuickClient, QuickEngine
from tests.support.asgi import Caller
from tests.support.pictures import png
from wake_service.accounts import people, tokens
from wake_service.accounts.tokens import Role, Scope
from wake_service.api.application import create_app
from wake_service.app import Service
from wake_service.clock import ManualClock, settle
from wake_service.jobs import events
from wake_service.machinery import Machinery
from wake_service.machines.model import Machine, MachineState
from wake_service.practice_engine.catalogue import Catalogue
from wake_service.providers.fake import FakeProvider
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.server import Discovery
from wake_service.settings import Settings
from wake_service.store.store import Haste, Store, Transaction
from wake_service.store.tables import metadata, teams

T = TypeVar("T")

ZONE = ZoneInfo("Europe/Berlin")
#: A Monday. Within 400 days of it are a year's end, a leap day, and three changes of the clocks.
BEGINNING = datetime(2027, 10, 4, 6, tzinfo=ZONE)
DAYS = 400
CURFEW = "Fri 22:00 - Mon 07:00"
IDLE = 600.0
#: What the admin has set: all of it has ended once before half of the time is over.
KEEPING = {"keep_events_days": 7, "keep_results_days": 30, "keep_history_days": 60}
#: What Noor's team may spend in a month: enough for one picture with the time that the machine stays awake after it.
NOORS_BUDGET = round(0.7e6)
DEADLINE = 30.0
_OURS = ("wake_service.",)


class LeapingClock(ManualClock):
    """`leap` is what a computer does that was suspended: whoever slept past their time wakes once, late."""

    async def leap(self, until: float) -> None:
        self._now = max(self._now, until)
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
        for due, _, waiter in sorted(self._sleepers, key=lambda sleeper: sleeper[:2]):
            if due <= self._now and not waiter.done():
                waiter.set_result(None)
        self._sleepers = sorted(sleeper for sleeper in self._sleepers if not sleeper[2].done())
        await settle()


class StoreAtOnce(Store):
    """The same database, in the same file, without its threads and without waiting for the disk: no power fails here."""

    def __init__(self, url: str, patience: float = 0.0) -> None:
        super().__init__(url, patience)
        event.listen(self.engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))

    async def write(self, work: Callable[[Transaction], T], haste: Haste = Haste.USUAL) -> T:
        await asyncio.sleep(0)
        with self.engine.begin() as conn:
            transaction = Transaction(conn)
            value = work(transaction)
        for action in transaction._after:
            action()
        return value

    async def read(self, work: Callable[[Connection], T]) -> T:
        await asyncio.sleep(0)
        with self.engine.connect() as conn:
            return work(conn)


@dataclass(frozen=True)
class Look:
    """One Monday morning: rows of each table, bytes of the database and its journal, pictures in the folder, and things that
    the service holds in memory, by the class that holds them; and how many tasks there are."""

    day: int
    rows: dict[str, int]
    database: int
    journal: int
    pictures: int
    memory: dict[str, int]
    tasks: int


@dataclass
class Story:
    """What happened. Moments are the studio's own."""

    looks: list[Look] = field(default_factory=list)
    painted: int = 0
    #: Of the pictures asked for on Saturdays: what they waited for until Monday at seven, and when they were begun.
    weekends: list[tuple[set[str], datetime]] = field(default_factory=list)
    #: By month, how Noor's requests were answered.
    noor: dict[str, list[int]] = field(default_factory=dict)
    #: By month, on its first day and on the first of the next: what the studio had spent.
    spent: dict[str, tuple[float, float]] = field(default_factory=dict)
    quiet_lines: list[str] = field(default_factory=list)
    positions: list[events.Position] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)


class Year:
    """Mira paints on Tuesdays and Thursdays, and asks for a picture every Saturday; Noor asks until her budget is used up."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True)
        (data / "wakebrush.db").write_bytes(empty_database())
        self.data = data
        self.clock = LeapingClock(BEGINNING.timestamp())
        nodes = Catalogue(list)
        self.engine = QuickEngine(self.clock, {name: nodes.describe(name) for name in nodes.names()})
        times = FakeTimes(starting=1, booting=1, stopping=1, forced_stopping=1)
        self.provider = FakeProvider(self.clock, ["m1"], times=times)
        with patch("wake_service.app.Store", StoreAtOnce):
            self.service = Service(
                Settings(data=data, idle_seconds=IDLE, curfew=CURFEW, timezone=ZONE.key, **KEEPING),  # type: ignore[arg-type]
                self.clock,
                machinery=Machinery({"fake": self.provider}, [Machine("m1", "default", "fake", PRICE)]),
                connect=lambda door: QuickClient(self.engine, door),
            )
        self.app = create_app(self.service)
        self.discovery = Discovery(data, "http://127.0.0.1:7717", "http://127.0.0.1:7718")
        self.story = Story()

    async def live(self) -> Story:
        """From the first morning to the last."""
        async with self.app.router.lifespan_context(self.app):
            await self._move_in()
            for day in range(DAYS):
                await self._day(day)
            await self._look(DAYS)
            await self._end()
        return self.story

    # -- the days ---------------------------------------------------------------------------------------------------

    async def _day(self, day: int) -> None:
        date = BEGINNING + timedelta(days=day)
        if date.day == 1:
            await self._turn_month(date)
        match date.weekday():
            case 5:
                await self._to(date.replace(hour=10))
                self._saturday = await accepted(self.mira)
            case 6:
                await self._sunday(date)
            case 0:
                await self._monday(day, date)
            case 1 | 3:
                await self._work(day, date)
            case _:
                await self._to(date.replace(hour=12))

    async def _monday(self, day: int, date: datetime) -> None:
        await self._look(day)
        if day == 0:
            return
        job_id, waited = self._saturday["id"], {await self._waiting_for(self._saturday["id"])}
        await self._to(date.replace(hour=6, minute=59, second=59))
        assert self.state is MachineState.ASLEEP
        waited.add(await self._waiting_for(job_id))
        await self._to(date.replace(hour=7))
        await self._painted(job_id)
        self.story.weekends.append((waited, self.local((await self._job(job_id))["started_at"])))
        await self._asleep()

    async def _sunday(self, date: datetime) -> None:
        lines, said_by = _Lines(), logging.getLogger("wake_service")
        level = said_by.level
        said_by.addHandler(lines)
        said_by.setLevel(logging.INFO)
        for hour in (4, 16):
            await self._to(date.replace(hour=hour))
        said_by.removeHandler(lines)
        said_by.setLevel(level)
        self.story.quiet_lines += lines.said

    async def _work(self, day: int, date: datetime) -> None:
        await self._to(date.replace(hour=9))
        if day == 1:
            await self._first_day()
        image = await upload(self.mira, png(64, 64, (day % 256, day // 256, 40)))
        await self._painted((await accepted(self.mira, mode="image_to_image", image=image, strength=0.5))["id"])
        answers = self.story.noor.setdefault(f"{date:%Y-%m}", [])
        if date.day <= 8 or answers[-1:] == [202]:  # her share of a rest may be small: it goes by the seconds that both painted
            answer = await generate(self.noor)
            answers.append(answer.status)
            if answer.status == 202:
                await self._painted(answer.json["job"]["id"])
        await self._asleep()
        await self._to(date.replace(hour=21))

    async def _turn_month(self, date: datetime) -> None:
        last = f"{date - timedelta(days=1):%Y-%m}"
        now = await self._spent(f"{date:%Y-%m}")
        self.story.spent[last] = (await self._spent(last), now)

    # -- beginning and end ------------------------------------------------------------------------------------------

    async def _move_in(self) -> None:
        await self.discovery.publish(self.service)
        self.mira = Caller(self.app, self._token_file())
        self.noor = Caller(self.app, await self.service.store.write(self._invite_noor))
        self.guest_until = self.clock.now() + 90 * 86400
        self.guest = Caller(self.app, await self.service.store.write(self._invite_guest))

    async def _first_day(self) -> None:
        self.first = await accepted(self.mira, key="the first")
        await self._painted(self.first["id"])

    async def _end(self) -> None:
        answers = self.story.answers
        answers["token before"] = self._token_file()
        await self.discovery.publish(self.service)
        answers["token after"] = self._token_file()
        answers["local"] = (await self.mira.ask("GET", "/v1/me")).status
        answers["first"] = self.first
        answers["the first again"] = await generate(self.mira, key="the first", prompt="another picture")

    def _token_file(self) -> str:
        return (self.data / "token").read_text().strip()

    def _invite_noor(self, tx: Transaction) -> str:
        tx.conn.execute(insert(teams).values(id="atelier", name="Atelier", created_at=0.0, month_budget_micros=NOORS_BUDGET))
        noor = people.add(tx, "atelier", "Noor", Role.ARTIST, self.clock.now())
        return tokens.create(tx, noor, "", frozenset(Scope), self.clock.now())[1]

    def _invite_guest(self, tx: Transaction) -> str:
        mira = people.find(tx.conn, people.DEFAULT_ARTIST) or ""
        return tokens.create(tx, mira, "guest", frozenset(Scope), self.clock.now(), self.guest_until)[1]

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> MachineState:
        return self.service.fleet.get("m1").state

    def local(self, moment: str) -> datetime:
        return datetime.fromisoformat(moment).astimezone(ZONE)

    async def _look(self, day: int) -> None:
        if not await self._guest_is_let_in() and "guest until" not in self.story.answers:
            self.story.answers["guest until"] = day
        rows = await self.service.store.read(_rows)
        database, journal = (file.stat().st_size for file in (self._file(), self._file("-wal")))
        pictures = sum(1 for path in (self.data / "blobs").rglob("*") if path.is_file())
        memory = dict(held(self.service))
        self.story.looks.append(Look(day, rows, database, journal, pictures, memory, len(asyncio.all_tasks())))
        identity = await self.service.identify(self.mira.token or "")
        assert identity is not None
        self.story.positions.append(await self.service.store.read(lambda conn: events.position(conn, identity.artist_id)))

    async def _guest_is_let_in(self) -> bool:
        return (await self.guest.ask("GET", "/v1/me")).status == 200

    def _file(self, suffix: str = "") -> Path:
        return self.data / f"wakebrush.db{suffix}"

    async def _spent(self, month: str) -> float:
        amount: float = (await self.mira.ask("GET", f"/v1/costs?month={month}")).json["team"]["total"]["amount"]
        return amount

    async def _job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = (await self.mira.ask("GET", f"/v1/jobs/{job_id}")).json
        return job

    async def _waiting_for(self, job_id: str) -> str:
        waiting_for: str = (await self._job(job_id))["waiting_for"]
        return waiting_for

    # -- letting time pass ------------------------------------------------------------------------------------------

    async def _to(self, moment: datetime) -> None:
        await self.clock.leap(moment.timestamp())
        await settle()

    async def _painted(self, job_id: str) -> None:
        await self._until(lambda: self.service.book.board.get(job_id) is None, 1.0)
        self.story.painted += 1

    async def _asleep(self) -> None:
        await self._until(lambda: self.state is not MachineState.READY, IDLE / 2)
        await self._until(lambda: self.state is MachineState.ASLEEP, 0.5)

    async def _until(self, true: Callable[[], bool], step: float) -> None:
        async with asyncio.timeout(DEADLINE):
            while not true():
                await self.clock.leap(self.clock.now() + step)
                await asyncio.sleep(0.001)  # pictures are written to the disk in threads, by no clock of ours


class _Lines(logging.Handler):
    """What is said at the level that services are run with."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _rows(conn: Connection) -> dict[str, int]:
    return {name: conn.execute(select(func.count()).select_from(table)).scalar_one() for name, table in metadata.tables.items()}


def held(root: object) -> Counter[str]:
    """How many things are held in the containers that can be reached from an object, by the class and the attribute that holds
    them. Only objects of our own classes are looked into."""
    counts: Counter[str] = Counter()
    seen: set[int] = set()
    todo: deque[tuple[str, object]] = deque([(type(root).__name__, root)])
    while todo:
        name, value = todo.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, functools.partial):
            todo.extend((name, part) for part in (value.func, *value.args, *value.keywords.values()))
        elif hasattr(value, "__self__") and not isinstance(value, type):
            todo.append((name, value.__self__))
        elif isinstance(value, dict | LRUCache):
            counts[name] += len(value)
            todo.extend((name, item) for pair in list(value.items()) for item in pair)
        elif isinstance(value, list | set | frozenset | tuple | deque):
            counts[name] += len(value)
            todo.extend((name, item) for item in list(value))
        elif type(value).__module__.startswith(_OURS):
            kind = type(value).__name__
            todo.extend((f"{kind}.{attribute}", part) for attribute, part in _attributes(value))
    return counts


def _attributes(value: object) -> list[tuple[str, object]]:
    names = {*getattr(value, "__dict__", {})}
    for kind in type(value).__mro__:
        names.update(getattr(kind, "__slots__", ()))
    return [(name, getattr(value, name)) for name in sorted(names) if hasattr(value, name)]

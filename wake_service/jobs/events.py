"""The durable part of an artist's stream: one ordered sequence, raised in the transaction that writes the event."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from wake_service.clock import iso
from wake_service.jobs.hub import Frame, Hub
from wake_service.store.store import Transaction
from wake_service.store.tables import events, streams

#: Who has missed more than this gets a snapshot instead.
REPLAYED_AT_MOST = 10_000

_RAISE = (
    update(streams)
    .where(streams.c.artist_id == bindparam("whose"))
    .values(seq=streams.c.seq + bindparam("by"))
    .returning(streams.c.seq, streams.c.stream_id)
)


class EventType(StrEnum):
    """What an envelope can tell (docs/wire.md, "Events")."""

    SNAPSHOT = "snapshot"
    JOB_QUEUED = "job.queued"
    JOB_WAITING = "job.waiting"
    JOB_RUNNING = "job.running"
    JOB_STAGE = "job.stage"
    JOB_RESULT = "job.result"
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_REQUEUED = "job.requeued"
    JOB_PROGRESS = "job.progress"
    QUEUE_CHANGED = "queue.changed"
    MACHINE_CHANGED = "machine.changed"


@dataclass(frozen=True, slots=True)
class Event:
    """An event before it has a place in the stream. `data` is JSON already: it is written and sent as it is."""

    type: EventType
    at: float
    data: bytes
    job_id: str | None = None
    machine_id: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where an artist's stream stands. Events up to `forgotten` are gone."""

    stream_id: str
    seq: int
    forgotten: int

    def can_replay(self, stream_id: str | None, after: int | None) -> bool:
        """Whether everything after a position can be told one by one."""
        if after is None or stream_id != self.stream_id:
            return False
        return max(self.forgotten, self.seq - REPLAYED_AT_MOST) <= after <= self.seq


class EventLog:
    """Appends to artists' streams, and reads them back."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def append(self, tx: Transaction, artist_id: str, new: Sequence[Event]) -> None:
        """Writes events in order; they are published once they are durable."""
        last, stream_id = tx.conn.execute(_RAISE, {"whose": artist_id, "by": len(new)}).one()
        numbered = list(enumerate(new, start=last - len(new) + 1))
        tx.conn.execute(insert(events), [_row(artist_id, seq, event) for seq, event in numbered])
        frames = [Frame(envelope(stream_id, seq, event), seq) for seq, event in numbered]
        tx.after_commit(lambda: self._publish(artist_id, frames))

    def _publish(self, artist_id: str, frames: list[Frame]) -> None:
        for frame in frames:
            self._hub.publish(artist_id, frame)

    def present(self, artist_id: str, event: Event) -> None:
        """Tells one artist's listeners something that is true now and is not kept."""
        self._hub.publish(artist_id, Frame(envelope(None, None, event)))

    def present_to_all(self, event: Event) -> None:
        """Tells everybody who listens something that is true now and is not kept."""
        self._hub.broadcast(Frame(envelope(None, None, event), machine=event.type is EventType.MACHINE_CHANGED))

    def preview(self, artist_id: str, header: dict[str, Any], image: bytes) -> None:
        """Sends a preview picture as one binary frame."""
        names = orjson.dumps(header)
        self._hub.publish(artist_id, Frame(struct.pack(">I", len(names)) + names + image, binary=True))


def position(conn: Connection, artist_id: str) -> Position:
    """Where an artist's stream stands now."""
    query = select(streams.c.stream_id, streams.c.seq, streams.c.forgotten).where(streams.c.artist_id == artist_id)
    return Position(*conn.execute(query).one())


def after(conn: Connection, artist_id: str, stream_id: str, seq: int) -> list[Frame]:
    """The events that follow `seq`, oldest first."""
    query = select(events).where(events.c.artist_id == artist_id, events.c.seq > seq).order_by(events.c.seq)
    return [
        Frame(
            envelope(stream_id, row.seq, Event(EventType(row.type), row.at, row.data.encode(), row.job_id, row.machine_id)),
            row.seq,
        )
        for row in conn.execute(query)
    ]


def forget(tx: Transaction, before: float) -> int:
    """Deletes events older than `before`; clients that were away longer get a snapshot. Returns how many went."""
    old = select(events.c.artist_id, func.max(events.c.seq)).where(events.c.at < before).group_by(events.c.artist_id)
    gone = 0
    for artist_id, seq in tx.conn.execute(old).all():
        gone += forget_through(tx, artist_id, seq)
    return gone


def forget_job(tx: Transaction, artist_id: str, job_id: str) -> None:
    """Deletes what was told of a job, and all that was told before."""
    last = select(func.max(events.c.seq)).where(events.c.artist_id == artist_id, events.c.job_id == job_id)
    if (seq := tx.conn.execute(last).scalar_one()) is not None:
        forget_through(tx, artist_id, seq)


def forget_through(tx: Transaction, artist_id: str, seq: int) -> int:
    """Deletes one artist's events up to and including `seq`; returns how many went."""
    tx.conn.execute(update(streams).where(streams.c.artist_id == artist_id).values(forgotten=seq))
    return tx.conn.execute(delete(events).where(events.c.artist_id == artist_id, events.c.seq <= seq)).rowcount


def envelope(stream_id: str | None, seq: int | None, event: Event) -> bytes:
    """The wire form. Put together by hand because `data` is JSON already and is not parsed again."""
    head = orjson.dumps(
        {
            "stream": stream_id,
            "seq": seq,
            "type": event.type,
            "at": iso(event.at),
            "job": event.job_id,
            "machine": event.machine_id,
        }
    )
    return head[:-1] + b',"data":' + event.data + b"}"


def _row(artist_id: str, seq: int, event: Event) -> dict[str, Any]:
    return {
        "artist_id": artist_id,
        "seq": seq,
        "type": event.type,
        "at": event.at,
        "job_id": event.job_id,
        "machine_id": event.machine_id,
        "data": event.data.decode(),
    }

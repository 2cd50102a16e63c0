"""An artist who listens through every cut, and what she may say in the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from tests.support.artist import Artist
from tests.support.events import DEADLINE, Envelope, EventReader
from tests.support.pictures import opened
from tests.support.running_service import RunningService

Job = dict[str, Any]
FINISHED = ("job.succeeded", "job.failed", "job.cancelled")


class Follower:
    """Her stream over all connections and all lives of the service.

    `durable` keeps every durable event as it arrived, over all connections: what came twice is in it twice.
    """

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.durable: list[Envelope] = []
        self._stream: str | None = None
        self._began = 0
        self._reader = self._connect()
        snapshot = self._reader.next()
        self._stream, self._began = snapshot["stream"], snapshot["data"]["seq"]

    @property
    def artist(self) -> Artist:
        """Her calls, at the service's present address."""
        return self.service.artist()

    @property
    def seq(self) -> int:
        """The last durable event that she has."""
        return int(self.durable[-1]["seq"]) if self.durable else self._began

    def until(self, wanted: Callable[[Envelope], bool], seconds: float = DEADLINE) -> Envelope:
        """Reads on until an event for which `wanted` is true."""

        def kept(event: Envelope) -> bool:
            if event["seq"] is not None:
                assert event["type"] != "snapshot", "her place in the stream was not known any more"
                self.durable.append(event)
            return wanted(event)

        return self._reader.until(kept, seconds)

    def until_type(self, *types: str, job: str | None = None, seconds: float = DEADLINE) -> Envelope:
        """Reads on until an event of one of these types (of one job)."""
        return self.until(lambda event: event["type"] in types and job in (None, event["job"]), seconds)

    def until_finished(self, job: Job, seconds: float = DEADLINE) -> Job:
        """Reads on until a job has ended; the job then."""
        ended: Job = self.until_type(*FINISHED, job=job["id"], seconds=seconds)["data"]["job"]
        return ended

    def until_machine(self, state: str, stage: str | None = None, seconds: float = DEADLINE) -> dict[str, Any]:
        """Reads on until the machine has changed to a state (and stage); the machine then."""

        def there(event: Envelope) -> bool:
            if event["type"] != "machine.changed":
                return False
            machine = event["data"]["machine"]
            return machine["state"] == state and stage in (None, machine["stage"])

        machine: dict[str, Any] = self.until(there, seconds)["data"]["machine"]
        return machine

    def until_step(self, job: Job, step: int, seconds: float = DEADLINE) -> None:
        """Reads on until a job is in the middle of sampling."""
        self.until(
            lambda event: event["type"] == "job.progress" and event["job"] == job["id"] and event["data"]["step"] >= step, seconds
        )

    def cut(self) -> None:
        """Her connection breaks without a goodbye."""
        self._reader.cut()

    def connect_again(self) -> None:
        """She comes back and says how far she got."""
        self._reader.close()
        self._reader = self._connect(after=self.seq, stream=self._stream)

    def restart_service(self) -> None:
        """A new life of the service, and she comes back to it."""
        self.service.restart()
        self.connect_again()

    def close(self) -> None:
        """She leaves."""
        self._reader.close()

    def replayed(self) -> list[Envelope]:
        """All that a new connection from her beginning hears again, up to where she is."""
        events: list[Envelope] = []
        with self._connect(after=self._began, stream=self._stream) as reader:
            while not events or events[-1]["seq"] < self.seq:
                event = reader.next()
                if event["seq"] is not None:
                    events.append(event)
        return events

    def assert_nothing_missed_or_repeated(self) -> None:
        """Every durable event came once, in order, and a replay from the beginning says the same."""
        assert [event["seq"] for event in self.durable] == list(range(self._began + 1, self.seq + 1))
        assert [(e["seq"], e["type"], e["job"]) for e in self.replayed()] == [
            (e["seq"], e["type"], e["job"]) for e in self.durable
        ]

    def assert_delivered_once(self, job: Job, *, attempt: int = 1) -> None:
        """Each picture was announced once and stored once, its bytes are there, and the job has ended once, well."""
        self.assert_nothing_missed_or_repeated()
        mine = [event for event in self.durable if event["job"] == job["id"]]
        announced = [event["data"]["result"] for event in mine if event["type"] == "job.result"]
        assert [result["n"] for result in announced] == list(range(job["count"]))
        assert [event["type"] for event in mine if event["type"] in FINISHED] == ["job.succeeded"]
        now = self.artist.job(job["id"])
        assert (now["state"], now["attempt"], now["error"]) == ("succeeded", attempt, None)
        assert now["results"] == announced
        for result in announced:
            data = self.artist.result(job["id"], result["n"])
            assert hashlib.sha256(data).hexdigest() == result["sha256"]
            assert len(data) == result["size"]
            assert opened(data).size == (job["width"], job["height"])

    def assert_ended_once(self, job: Job, how: str) -> Job:
        """The job has ended once, in this way, without a picture; the job."""
        self.assert_nothing_missed_or_repeated()
        mine = [event["type"] for event in self.durable if event["job"] == job["id"]]
        assert [kind for kind in mine if kind in (*FINISHED, "job.result")] == [f"job.{how}"]
        now: Job = self.artist.job(job["id"])
        assert (now["state"], now["results"]) == (how, [])
        return now

    def _connect(self, after: int | None = None, stream: str | None = None) -> EventReader:
        return self.artist.events(after=after, stream=stream)

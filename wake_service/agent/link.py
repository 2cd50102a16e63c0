"""The service's end of a machine's wire: a stream of reports one way, orders and their replies the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.errors import ProviderError, ProviderTimeout

from .text import WireError, read_message, write
from .wire import SILENCE_SECONDS, KeptResult, Message, Order, Reply, Report

log = logging.getLogger(__name__)
Found = TypeVar("Found", bound=Message)

#: Reports that may wait for their reader; each is whole, so the oldest can go.
WAITING_REPORTS = 64


class LinkBroken(ProviderError):
    """There is no connection to the machine's agent, or it broke; dialling again may help."""


class LinkRefused(LinkBroken):
    """Who answers is not the machine, does not let us in, or speaks another version: the same keys will not help."""


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """Seconds. `connect`: until the socket stands. `order`: until an order is answered. `transfer`: one picture.
    `silence`: without a report for so long the link is dead."""

    connect: float = 10.0
    order: float = 15.0
    transfer: float = 120.0
    silence: float = SILENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP call to the guard was answered."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class AgentLink(Protocol):
    """One connection to one machine's agent. Whoever dialled closes it."""

    def reports(self) -> AsyncIterator[Report]:
        """Whole reports as they come, the first at once; one reader only. Ends when we close, raises LinkBroken when the link
        broke or the machine fell silent, LinkRefused when it speaks another version."""

    async def order(self, order: Order, *, seconds: float | None = None) -> Reply:
        """Sends an order and gives its reply, which may be a refusal. Raises LinkBroken, or ProviderTimeout when no reply came in
        time: nobody knows whether it was carried out, and the same order can be sent again, also over another link."""

    async def put_input(self, name: str, data: bytes) -> str:
        """Puts a picture into the engine's input folder, engine up or not; the name for LoadImage (`wakebrush/name`).
        Safe to repeat. Raises LinkBroken, or ProviderError with a sentence when the machine refuses."""

    async def kept(self, prompt_id: str) -> KeptResult | None:
        """What the machine keeps of a prompt; None when it keeps nothing. Raises LinkBroken or ProviderError."""

    async def fetch(self, prompt_id: str, number: int) -> bytes | None:
        """One kept file, counted from 0; None when there is none. Raises LinkBroken or ProviderError."""

    async def close(self) -> None:
        """Lets go; safe to repeat."""


class Pipe(Protocol):
    """What carries texts and calls to one machine. Raises LinkBroken."""

    async def send(self, text: str) -> None:
        """Sends one message."""

    async def call(self, method: str, path: str, body: bytes = b"") -> Answer:
        """One HTTP call to the guard."""

    async def close(self) -> None:
        """Closes the connection."""


class WireLink:
    """An AgentLink over any pipe. Whoever reads the pipe calls `take` with each text and `lose` at its end."""

    def __init__(self, pipe: Pipe, clock: Clock, times: LinkTimes | None = None) -> None:
        self._pipe = pipe
        self._clock = clock
        self.times = times or LinkTimes()
        self._reports: deque[Report] = deque(maxlen=WAITING_REPORTS)
        self._waiting: list[tuple[str, asyncio.Future[Reply]]] = []
        self._changed = asyncio.Event()
        self._error: LinkBroken | None = None
        self._closed = False
        self._heard_at = clock.now()
        self._background = Background(log)
        self._background.spawn(self._watch_silence())

    def take(self, text: str) -> None:
        """One text from the machine."""
        if self._ended:
            return
        try:
            message = read_message(text)
        except WireError as flaw:
            self.lose(LinkRefused(str(flaw)))
            return
        if isinstance(message, Report):
            self._heard_at = self._clock.now()
            self._reports.append(message)
            self._changed.set()
        elif isinstance(message, Reply):
            for order, waiter in self._waiting:
                if order == message.order and not waiter.done():
                    waiter.set_result(message)

    def lose(self, error: LinkBroken) -> None:
        """The connection is gone; the first reason counts."""
        if self._error is None:
            self._error = error
        for _, waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(self._error)
        self._changed.set()

    async def reports(self) -> AsyncIterator[Report]:
        while True:
            while self._reports:
                yield self._reports.popleft()
            if self._closed:
                return
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()

    async def order(self, order: Order, *, seconds: float | None = None) -> Reply:
        self._check()
        deadline = self.times.order if seconds is None else seconds
        waiter: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        waiting = order.id, waiter
        self._waiting.append(waiting)
        asking = asyncio.ensure_future(self._ask(order, waiter))
        timer = asyncio.ensure_future(self._clock.sleep(deadline))
        try:
            await asyncio.wait({asking, timer}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise ProviderTimeout(
                f'The machine did not answer the order "{order.type}" within {deadline:g} s; whether it obeyed is unknown.'
            )
        finally:
            self._waiting.remove(waiting)
            for future in (asking, timer, waiter):
                future.cancel()
            await asyncio.gather(asking, timer, waiter, return_exceptions=True)

    async def put_input(self, name: str, data: bytes) -> str:
        answer = await self._call("PUT", f"/agent/inputs/{quote(name, safe='')}", data)
        return self._read(InputTaken, answer, "the picture").name

    async def kept(self, prompt_id: str) -> KeptResult | None:
        answer = await self._call("GET", f"/agent/results/{quote(prompt_id, safe='')}")
        return None if answer.status == 404 else self._read(KeptResult, answer, "the question for a result")

    async def fetch(self, prompt_id: str, number: int) -> bytes | None:
        answer = await self._call("GET", f"/agent/results/{quote(prompt_id, safe='')}/{number}")
        return None if answer.status == 404 else self._good(answer, "the question for a result")

    async def close(self) -> None:
        self._closed = True
        self.lose(LinkBroken("The link to the machine was closed."))
        await self._background.cancel()
        await self._pipe.close()

    @property
    def _ended(self) -> bool:
        return self._closed or self._error is not None

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    async def _ask(self, order: Order, waiter: asyncio.Future[Reply]) -> Reply:
        await self._pipe.send(write(order))
        return await waiter

    async def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        self._check()
        return await self._pipe.call(method, path, body)

    def _good(self, answer: Answer, what: str) -> bytes:
        if answer.status in (200, 201):
            return answer.body
        raise ProviderError(f"The machine refused {what} (status {answer.status}): {said(answer)}")

    def _read(self, kind: type[Found], answer: Answer, what: str) -> Found:
        try:
            return kind.model_validate_json(self._good(answer, what))
        except ValidationError as flaw:
            raise ProviderError(f"The machine's answer to {what} cannot be read.") from flaw

    async def _watch_silence(self) -> None:
        """Ends the link when the machine has said nothing for too long."""
        while not self._ended:
            due = self._heard_at + self.times.silence
            if self._clock.now() >= due:
                self.lose(
                    LinkBroken(f"The machine has said nothing for {self.times.silence:g} s, so the link to it is given up.")
                )
                return
            await self._clock.sleep(due - self._clock.now())


def not_there(machine: str) -> LinkBroken:
    """Nothing answers at the machine's door."""
    return LinkBroken(f"Nothing answers at {machine} yet.")


def wrong_certificate(machine: str) -> LinkRefused:
    """Who answers shows another certificate than the machine has published."""
    return LinkRefused(
        f"What answers at {machine} shows another certificate than the one the machine has published, so it was told nothing. "
        "Either its address belongs to somebody else by now, or somebody stands in between."
    )


def wrong_token(machine: str) -> LinkRefused:
    """The guard does not know our token."""
    return LinkRefused(f"The guard at {machine} refused our token: it was made for another wake. The next wake brings a new one.")


class InputTaken(Message):
    """The answer to a picture put into the input folder: the name for LoadImage."""

    name: str


class Problem(Message):
    """The readable part of a problem document."""

    title: str = ""
    hint: str = ""


def said(answer: Answer) -> str:
    """The sentence of a problem document; a plain one when there is none."""
    try:
        problem = Problem.model_validate_json(answer.body)
    except ValidationError:
        return "it gave no reason."
    return " ".join(filter(None, (problem.title, problem.hint))) or "it gave no reason."

"""The provider's end of a launcher's socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from wake_service.errors import ProviderError, ProviderTimeout
from wake_service.providers.base import Power
from wake_service.providers.machine_folder import MachineState

DEADLINE = 5.0
_GOING = (Power.STOPPING, Power.STOPPED)


class LauncherLink:
    """A connection to a launcher: its present state, its changes as they come, and orders."""

    def __init__(
        self,
        state: MachineState,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        heard: Callable[[MachineState], None],
    ) -> None:
        self.state = state
        self.open = True
        self._reader = reader
        self._writer = writer
        self._heard = heard
        self._changed = asyncio.Condition()
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, socket: str, heard: Callable[[MachineState], None]) -> LauncherLink:
        """Connects and hears the present state. Raises OSError (also when it hangs up at once) or TimeoutError."""
        async with asyncio.timeout(DEADLINE):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                state = MachineState.from_json(await reader.readline())
            except BaseException as error:
                writer.close()
                if isinstance(error, ValueError):
                    raise ConnectionAbortedError("the launcher hung up") from error
                raise
        heard(state)
        return cls(state, reader, writer, heard)

    def listen(self, lost: Callable[[], Awaitable[None]]) -> None:
        """From now on changes are heard; `lost` is awaited once the launcher hangs up."""
        self._listening = asyncio.create_task(self._listen(lost))

    async def stop(self, *, force: bool) -> None:
        """Orders a stop; returns once the launcher obeys. Raises ProviderTimeout."""
        self._writer.write(json.dumps({"order": "stop", "force": force}).encode() + b"\n")
        try:
            async with asyncio.timeout(DEADLINE), self._changed:
                await self._changed.wait_for(lambda: not self.open or self.state.power in _GOING)
        except TimeoutError:
            raise ProviderTimeout(f"The machine's launcher did not answer the order to stop within {DEADLINE:.0f} s.") from None

    async def hand_over(self, seconds: float) -> None:
        """Orders a hand-over; returns once the folders are empty and the next engine starts. Raises ProviderError."""
        boot = self.state.boot
        self._writer.write(json.dumps({"order": "hand_over", "boot": boot}).encode() + b"\n")
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: not self.open or self.state.boot != boot or self.state.power in _GOING)
        except TimeoutError:
            raise ProviderTimeout(
                f"The machine was not wiped within {seconds:.0f} s; whether it still will be is unknown."
            ) from None
        if self.state.boot == boot:
            raise ProviderError(f"The machine stopped and was not wiped. {self.state.message or ''}".rstrip())

    async def close(self) -> None:
        """Hangs up; the launcher goes on."""
        self.open = False
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})
        self._writer.close()

    async def _listen(self, lost: Callable[[], Awaitable[None]]) -> None:
        try:
            async for line in self._reader:
                state = MachineState.from_json(line)
                async with self._changed:
                    self.state = state
                    self._changed.notify_all()
                self._heard(state)
        except (OSError, ValueError):
            self._writer.transport.abort()  # a line cut in two is what a killed launcher leaves; `lost` finds out the rest
        self.open = False
        self._writer.close()
        async with self._changed:
            self._changed.notify_all()
        await lost()

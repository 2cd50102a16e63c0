"""The in-memory provider: for tests, simulations and anybody who builds on providers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from wake_service.clock import Clock
from wake_service.errors import ProviderError
from wake_service.providers.announcements import Announcements
from wake_service.providers.base import BootStage, Door, Kept, Power, Sighting
from wake_service.providers.fake_cloud import FakeCloud, FakeMachine, FakeTimes

CallName = Literal["machines", "start", "stop", "drain", "hand_over", "prefetch", "deliver", "kept", "acknowledge"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the provider, in the order they came; `machine_id` is None for `machines`."""

    name: CallName
    at: float
    machine_id: str | None = None
    force: bool = False


@dataclass(slots=True)
class _Fault:
    name: CallName
    error: ProviderError
    machine_id: str | None
    times: int
    acted: bool


class FakeProvider:
    """Machines of a FakeCloud. `provider.cloud` is where the unasked happens; `provider.calls` what was asked.

    `next_service()` gives the provider that the next service would open on the same machines.
    """

    def __init__(
        self,
        clock: Clock,
        machine_ids: Iterable[str] = ("m1",),
        *,
        name: str = "fake",
        times: FakeTimes | None = None,
        address: str = "http://{id}.invalid:8188",
        cloud: FakeCloud | None = None,
    ) -> None:
        self.name = name
        self.cloud = cloud or FakeCloud(clock, machine_ids, times=times, address=address)
        self.calls: list[Call] = []
        self._faults: list[_Fault] = []
        self._announcements = Announcements()
        self._open = True
        self.cloud.listen(self._announcements.say)

    async def machines(self) -> list[Sighting]:
        return await self._call("machines", None, self.cloud.sightings)

    async def start(self, machine_id: str) -> None:
        await self._call("start", machine_id, lambda: self.cloud.start(machine_id))

    async def stop(self, machine_id: str, *, force: bool = False) -> None:
        await self._call("stop", machine_id, lambda: self.cloud.stop(machine_id, force=force), force=force)

    async def door(self, machine_id: str) -> Door:
        machine = self.cloud.find(machine_id)
        if machine.stage is not BootStage.ENGINE:
            raise ProviderError(f'The engine of machine "{machine_id}" is not up.')
        return Door(machine.address)

    async def drain(self, machine_id: str, draining: bool) -> None:
        def act() -> None:
            self.cloud.find(machine_id).draining = draining

        await self._call("drain", machine_id, act)

    async def hand_over(self, machine_id: str) -> None:
        await self._call("hand_over", machine_id, lambda: self.cloud.hand_over(machine_id))

    async def prefetch(self, machine_id: str, models: Sequence[str]) -> None:
        def act() -> None:
            self.cloud.find(machine_id).prefetched = tuple(models)

        await self._call("prefetch", machine_id, act)

    async def deliver(self, machine_id: str, name: str, data: bytes) -> str | None:
        def act() -> str | None:
            if not self.cloud.takes_inputs:
                return None
            self._heard(machine_id).inputs[name] = data
            return name

        return await self._call("deliver", machine_id, act)

    async def kept(self, machine_id: str, prompt_id: str) -> Kept | None:
        def act() -> Kept | None:
            return self._heard(machine_id).kept.get(prompt_id)

        return await self._call("kept", machine_id, act)

    async def acknowledge(self, machine_id: str, prompt_ids: Sequence[str]) -> None:
        def act() -> None:
            self._heard(machine_id)
            self.cloud.forget(machine_id, prompt_ids)

        await self._call("acknowledge", machine_id, act)

    def watch(self) -> AsyncIterator[Sighting]:
        return self._announcements.watch()

    async def close(self) -> None:
        if self._open:
            self._open = False
            self.cloud.unlisten(self._announcements.say)
            self._announcements.close()

    def next_service(self) -> FakeProvider:
        """A new provider over the same machines, with a call log of its own."""
        return FakeProvider(self.cloud.clock, name=self.name, cloud=self.cloud)

    def fail(
        self, name: CallName, error: ProviderError, *, machine_id: str | None = None, times: int = 1, acted: bool = False
    ) -> None:
        """The next `times` such calls (for that machine, if given) raise `error`; with `acted` the cloud acts all the same."""
        self._faults.append(_Fault(name, error, machine_id, times, acted))

    def _heard(self, machine_id: str) -> FakeMachine:
        machine = self.cloud.find(machine_id)
        if machine.power is not Power.RUNNING:
            raise ProviderError(f'Machine "{machine_id}" does not hear yet.')
        return machine

    async def _call(self, name: CallName, machine_id: str | None, act: Callable[[], T], *, force: bool = False) -> T:
        clock = self.cloud.clock
        self.calls.append(Call(name, clock.now(), machine_id, force))
        if self.cloud.times.answer:
            await clock.sleep(self.cloud.times.answer)
        fault = self._fault(name, machine_id)
        if fault is None:
            return act()
        if fault.acted:
            act()
        raise fault.error

    def _fault(self, name: CallName, machine_id: str | None) -> _Fault | None:
        for fault in self._faults:
            if fault.name == name and fault.machine_id in (None, machine_id):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

"""A cloud in memory: machines that start, stop, die and get stuck as slowly as a clock says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from wake_service.clock import Clock
from wake_service.errors import ProviderError
from wake_service.providers.base import BootStage, Kept, Power, Sighting, Trouble


@dataclass(frozen=True, slots=True)
class FakeTimes:
    """How long each step takes, in seconds. The defaults are of the order of a cloud GPU machine that wakes from a stop."""

    answer: float = 0.0
    starting: float = 8.0
    booting: float = 32.0
    stopping: float = 30.0
    forced_stopping: float = 5.0

    @property
    def wake(self) -> float:
        """From the order until the engine answers."""
        return self.starting + self.booting


@dataclass(slots=True)
class FakeMachine:
    """One machine of the cloud. Its steps are a task that waits on the clock."""

    machine_id: str
    address: str
    power: Power = Power.STOPPED
    stage: BootStage | None = None
    boots: int = 0
    launched_at: float = 0.0
    message: str | None = None
    stuck: bool = False
    draining: bool = False
    prefetched: tuple[str, ...] = ()
    inputs: dict[str, bytes] = field(default_factory=dict)
    trouble: Trouble | None = None
    kept: dict[str, Kept] = field(default_factory=dict)
    working: bool = False
    wiped: int = 0
    steps: asyncio.Task[None] | None = None

    def sighting(self, at: float) -> Sighting:
        """What is to be seen of it."""
        return Sighting(
            machine_id=self.machine_id,
            power=self.power,
            at=at,
            stage=self.stage,
            address=self.address if self.stage is BootStage.ENGINE else None,
            boot=f"{self.machine_id}-{self.boots}" if self.boots else None,
            message=self.message,
            trouble=self.trouble,
            kept=tuple(self.kept) if self.power is Power.RUNNING else (),
        )


class FakeCloud:
    """The world behind a FakeProvider; it outlives the provider, as machines outlive a service.

    Besides orders it takes what clouds do unasked: `start` by somebody else, `die`, `lose_engine`, `terminate`, `stick`. While
    `silent`, machines announce nothing, and only asking shows what they do. `takes_inputs`: pictures can be given to machines
    that boot. `on_wipe` is called when one is wiped.
    """

    def __init__(
        self,
        clock: Clock,
        machine_ids: Iterable[str],
        *,
        times: FakeTimes | None = None,
        address: str = "http://{id}.invalid:8188",
    ) -> None:
        self.clock = clock
        self.times = times or FakeTimes()
        self.silent = False
        self.takes_inputs = False
        self.on_wipe: Callable[[str], None] = lambda _machine_id: None
        self.machines = {id: FakeMachine(id, address.format(id=id)) for id in machine_ids}
        self._listeners: list[Callable[[Sighting], None]] = []

    def listen(self, listener: Callable[[Sighting], None]) -> None:
        """From now on every announcement goes to `listener` too."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Sighting], None]) -> None:
        """Ends `listen`."""
        self._listeners.remove(listener)

    def sightings(self) -> list[Sighting]:
        """All machines as they are now."""
        return [machine.sighting(self.clock.now()) for machine in self.machines.values()]

    def find(self, machine_id: str) -> FakeMachine:
        """The machine of that id. Raises ProviderError."""
        try:
            return self.machines[machine_id]
        except KeyError:
            raise ProviderError(f'There is no machine "{machine_id}" here.') from None

    def start(self, machine_id: str) -> None:
        """A start, ordered by anybody. Raises ProviderError while stopping or when terminated."""
        machine = self.find(machine_id)
        match machine.power:
            case Power.STOPPED:
                machine.boots += 1
                machine.launched_at = self.clock.now()
                self._go(machine, self._waking(machine))
            case Power.STOPPING:
                raise ProviderError(f'Machine "{machine_id}" is still stopping; it can be started once it has stopped.')
            case Power.TERMINATED:
                raise ProviderError(f'Machine "{machine_id}" was terminated and cannot be started again.')

    def stop(self, machine_id: str, *, force: bool = False) -> None:
        """A stop, ordered by anybody; `force` also hastens one that is under way."""
        machine = self.find(machine_id)
        if machine.power in (Power.STARTING, Power.RUNNING) or (force and machine.power is Power.STOPPING):
            self._go(machine, self._falling_asleep(machine, self.times.forced_stopping if force else self.times.stopping))

    def die(
        self,
        machine_id: str,
        message: str = "The engine ended by itself (signal 9).",
        trouble: Trouble | None = None,
    ) -> None:
        """The machine falls over unasked and is stopped at once."""
        self._end(self.find(machine_id), Power.STOPPED, message, trouble)

    def lose_engine(self, machine_id: str, message: str, trouble: Trouble = Trouble.OTHER) -> None:
        """The engine ends unasked; the machine stays up and starts it again."""
        machine = self.find(machine_id)
        self._go(machine, self._starting_again(machine, message, trouble))

    def hand_over(self, machine_id: str) -> None:
        """The machine is wiped and its engine started anew. Raises ProviderError when it is not up, or `working`."""
        machine = self.find(machine_id)
        if machine.power is not Power.RUNNING:
            raise ProviderError(f'Machine "{machine_id}" is not up.')
        if machine.working:
            raise ProviderError("The machine refused: A picture is being made, so the machine goes on as before.")
        machine.kept.clear()
        machine.inputs.clear()
        machine.wiped += 1
        self.on_wipe(machine_id)
        self._go(machine, self._beginning_anew(machine))

    def keep(self, machine_id: str, prompt_id: str, *files: bytes) -> None:
        """The machine has a result on its disk that nobody has acknowledged."""
        machine = self.find(machine_id)
        machine.kept[prompt_id] = Kept(files, self.clock.now())
        self._show_again(machine)

    def forget(self, machine_id: str, prompt_ids: Iterable[str]) -> None:
        """Results are acknowledged."""
        machine = self.find(machine_id)
        if known := [prompt_id for prompt_id in prompt_ids if prompt_id in machine.kept]:
            for prompt_id in known:
                del machine.kept[prompt_id]
            self._show_again(machine)

    def terminate(self, machine_id: str, message: str | None = None) -> None:
        """The machine is deleted by somebody else; it stays in the list as terminated."""
        self._end(self.find(machine_id), Power.TERMINATED, message)

    def add(self, machine_id: str, address: str = "http://{id}.invalid:8188") -> None:
        """One more machine, stopped; made by somebody."""
        self.machines[machine_id] = FakeMachine(machine_id, address.format(id=machine_id))

    def announce(self, sighting: Sighting) -> None:
        """Says something of a machine, as if it were so."""
        for listener in list(self._listeners):
            listener(sighting)

    def stick(self, machine_id: str) -> None:
        """The machine stays where it is; orders are accepted and begin, but nothing comes to its end until `unstick`."""
        self.find(machine_id).stuck = True

    def unstick(self, machine_id: str) -> None:
        """Ends `stick`; the machine can be ordered again (a step that got lost stays lost)."""
        self.find(machine_id).stuck = False

    def _go(self, machine: FakeMachine, steps: Iterator[float]) -> None:
        self._halt(machine)
        delay = next(steps)
        machine.steps = asyncio.get_running_loop().create_task(self._walk(machine, steps, delay))

    async def _walk(self, machine: FakeMachine, steps: Iterator[float], delay: float) -> None:
        """Waits out each step and takes the next, unless the machine got stuck meanwhile."""
        await self.clock.sleep(delay)
        while not machine.stuck:
            following = next(steps, None)
            if following is None:
                return
            await self.clock.sleep(following)

    def _waking(self, machine: FakeMachine) -> Iterator[float]:
        self._show(machine, Power.STARTING, BootStage.STARTING)
        yield self.times.starting
        self._show(machine, Power.RUNNING, BootStage.BOOTING)
        yield self.times.booting
        self._show(machine, Power.RUNNING, BootStage.ENGINE)

    def _starting_again(self, machine: FakeMachine, message: str, trouble: Trouble) -> Iterator[float]:
        self._show(machine, Power.RUNNING, BootStage.BOOTING, message, trouble)
        yield self.times.booting
        self._show(machine, Power.RUNNING, BootStage.ENGINE)

    def _beginning_anew(self, machine: FakeMachine) -> Iterator[float]:
        self._show(machine, Power.RUNNING, BootStage.BOOTING)
        yield self.times.booting
        self._show(machine, Power.RUNNING, BootStage.ENGINE)

    def _falling_asleep(self, machine: FakeMachine, seconds: float) -> Iterator[float]:
        self._show(machine, Power.STOPPING, None)
        yield seconds
        self._show(machine, Power.STOPPED, None)

    def _end(self, machine: FakeMachine, power: Power, message: str | None, trouble: Trouble | None = None) -> None:
        self._halt(machine)
        self._show(machine, power, None, message, trouble)

    def _halt(self, machine: FakeMachine) -> None:
        if machine.steps is not None:
            machine.steps.cancel()
            machine.steps = None

    def _show(
        self,
        machine: FakeMachine,
        power: Power,
        stage: BootStage | None,
        message: str | None = None,
        trouble: Trouble | None = None,
    ) -> None:
        machine.power, machine.stage, machine.message, machine.trouble = power, stage, message, trouble
        self._show_again(machine)

    def _show_again(self, machine: FakeMachine) -> None:
        if not self.silent:
            self.announce(machine.sighting(self.clock.now()))

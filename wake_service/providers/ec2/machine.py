"""One machine as the service sees it: what AWS's list says of its power, and what its agent says of the rest."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from wake_service.agent import wire
from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.errors import ProviderError
from wake_service.providers.base import BootStage, Door, Notice, NoticeKind, Power, Sighting, Traits, Trouble
from wake_service.providers.ec2.instance import Instance
from wake_service.providers.ec2.keys import Keys
from wake_service.providers.ec2.line import Dial, Line
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.rule import WayIn

log = logging.getLogger(__name__)

#: Price of an hour in millionths of the currency unit, for a type, spot or not.
Price = Callable[[str, bool], int]

#: For so long a machine that is up and not heard is looked at as one in transition (seconds).
_PATIENCE = 900.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all machines of a provider share. `say` announces; `look` asks AWS for its list, which comes back to the machines."""

    options: Ec2Options
    clock: Clock
    keys: Keys
    way_in: WayIn
    dial: Dial
    price: Price
    say: Callable[[Sighting], None]
    look: Callable[[], Awaitable[object]]
    background: Background


class Ec2Machine:
    """Makes sightings. One line is kept while the machine runs; a new life gets a new one."""

    def __init__(self, around: Surroundings, instance: Instance) -> None:
        self._around = around
        self.instance = instance
        self._report: wire.Report | None = None
        self._broken = False
        self._refusal: str | None = None
        self._said: Sighting | None = None
        self._since = around.clock.now()
        self.line: Line | None = None
        self._prefetch: tuple[str, ...] = ()
        self._attend()

    @property
    def unsettled(self) -> bool:
        """Whether it is on its way to somewhere, so that AWS has to be asked where it is."""
        if self.instance.power in (Power.STARTING, Power.STOPPING):
            return True
        unheard = self.instance.power is Power.RUNNING and (self._report is None or self._broken)
        return unheard and self._around.clock.now() < self._since + _PATIENCE

    def see(self, instance: Instance) -> None:
        """Takes in what AWS's list says."""
        before, self.instance = self.instance, instance
        if instance.boot != before.boot or instance.power is not before.power:
            self._since = self._around.clock.now()
        if instance.boot != before.boot or instance.power is not Power.RUNNING:
            self._report, self._broken, self._refusal = None, False, None
            if before.power is Power.RUNNING:
                self._prefetch = ()
            self._drop_line()
        self._attend()
        if self.line is not None and (instance.fingerprint, instance.address) != (before.fingerprint, before.address):
            self.line.hint.set()

    def announce(self, *, anew: bool = False) -> None:
        """Says what it is, if that is news; a machine seen for the first time (`anew`) is none while it is off."""
        sighting = self.sighting()
        if self.instance.behind or (self._said is not None and replace(sighting, at=self._said.at) == self._said):
            return
        self._said = sighting
        if not (anew and sighting.power in (Power.STOPPED, Power.TERMINATED)):
            self._around.say(sighting)

    def trying(self, sentence: str) -> None:
        """A start that has not found a machine goes on with this. A machine that is still off is said to be starting."""
        tried = replace(self.sighting(), power=Power.STARTING, stage=BootStage.STARTING, boot=None, message=sentence)
        self._around.say(tried)

    def sighting(self) -> Sighting:
        """What is to be seen of it now."""
        instance, report = self.instance, self._report
        power, stage, address, message, trouble = instance.power, None, None, instance.end, None
        if power is Power.STARTING:
            stage = BootStage.STARTING
        elif power is Power.RUNNING:
            stage, message = BootStage.BOOTING, self._refusal
            if report is not None and report.answers and instance.address is not None:
                stage, address = BootStage.ENGINE, self._url()
            elif report is not None and (trouble := _trouble(report.engine)) is not None:
                message = report.engine.sentence or "The engine has failed."
        return Sighting(
            instance.id,
            power,
            self._around.clock.now(),
            stage=stage,
            address=address,
            boot=None if instance.behind else instance.boot,
            message=message,
            traits=self._traits(),
            notice=_notice(report),
            trouble=trouble,
            kept=tuple(kept.prompt_id for kept in report.kept) if report is not None else (),
        )

    async def door(self) -> Door:
        """The guard's door, whatever is behind it by now. Raises ProviderError while there is none."""
        instance = self.instance
        if instance.power is not Power.RUNNING or instance.address is None or instance.fingerprint is None:
            raise ProviderError(f'Machine "{instance.id}" is not up.')
        return Door(self._url(), await self._around.keys.read(instance), instance.fingerprint)

    async def engine_door(self) -> Door:
        """The door to an engine that answers, as far as is known: a broken line does not mean that it does not."""
        if self._report is not None and not self._report.answers:
            raise ProviderError(f'The engine of machine "{self.instance.id}" is not up.')
        return await self.door()

    async def unreached(self) -> bool:
        self._around.keys.forget(self.instance.id)
        return await self._around.way_in.open()

    def heard(self, report: wire.Report) -> None:
        self._report, self._broken, self._refusal = report, False, None
        self.announce()

    def refused(self, sentence: str) -> None:
        self._refusal = sentence
        self.announce()

    def broke(self) -> None:
        self._broken, self._since = True, self._around.clock.now()
        self._around.background.spawn(self._look())

    async def prefetch(self, models: Sequence[str]) -> None:
        """Advises now, or at its next boot what was advised last while it slept."""
        self._prefetch = tuple(models)
        if self.line is not None:
            await self.line.prefetch(models)

    def close(self) -> Line | None:
        """Gives up the line; whoever gets it closes it."""
        line, self.line = self.line, None
        return line

    async def _look(self) -> None:
        try:
            await self._around.look()
        except ProviderError as error:
            log.warning("A machine was lost from sight, and AWS does not say where it is: %s", error)

    def _attend(self) -> None:
        if self.line is None and self.instance.power is Power.RUNNING:
            around = self._around
            self.line = Line(self, around.dial, around.clock, around.options.deadlines, self._prefetch)

    def _drop_line(self) -> None:
        if (line := self.close()) is not None:
            self._around.background.spawn(line.close())

    def _url(self) -> str:
        return f"https://{self.instance.address}:{self._around.options.guard_port}"

    def _traits(self) -> Traits:
        instance = self.instance
        price = self._around.price(instance.instance_type, instance.spot)
        return Traits(instance.pool, instance.instance_type, instance.zone, instance.spot, price)


def _trouble(engine: wire.Engine) -> Trouble | None:
    """How an engine that does not answer has ended, if it has; its machine may be starting it again already."""
    if engine.kind in wire.OUT_OF_MEMORY or (not engine.kind and wire.OUT_OF_MEMORY_WORDS in engine.sentence):
        return Trouble.MEMORY
    return Trouble.OTHER if engine.kind or engine.state is wire.EngineState.FAILED else None


def _notice(report: wire.Report | None) -> Notice | None:
    if report is None or report.notice is None:
        return None
    return Notice(NoticeKind(report.notice.kind.value), report.notice.at)

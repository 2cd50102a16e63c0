"""How machines of one kind are listed, started and stopped.

A provider carries out orders and says what it sees; it decides nothing. The same contract suite
(tests/contract/providers) runs against the in-memory fake and every real one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Power(StrEnum):
    """What the cloud says of a machine; the service's own words for it are in machines/model.py."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    TERMINATED = "terminated"


class BootStage(StrEnum):
    """How far a starting machine has come. `engine`: the engine answers at `Sighting.address`."""

    STARTING = "starting"
    BOOTING = "booting"
    ENGINE = "engine"


class NoticeKind(StrEnum):
    """What a cloud may say of a machine that it lends only until further notice."""

    INTERRUPTION = "interruption"
    REBALANCE = "rebalance"


class Trouble(StrEnum):
    """Why an engine ended that nobody had told to: `memory`, the machine had not enough of it, or anything else."""

    MEMORY = "memory"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Notice:
    """The cloud will take the machine back: certainly at `at` (interruption), or perhaps soon (rebalance; said at `at`)."""

    kind: NoticeKind
    at: float


@dataclass(frozen=True, slots=True)
class Traits:
    """What kind of machine it is. `zone` is where its disk lies; a `spot` machine may be taken back by the cloud."""

    pool: str
    instance_type: str
    zone: str
    spot: bool
    price_micros_per_hour: int


@dataclass(frozen=True, slots=True)
class Door:
    """How the engine of a machine that is up is reached.

    Behind a guard: its base URL, the bearer token of this wake, and the SHA-256 of its certificate (64 hex digits), which is
    what is trusted instead of its name. An engine on this computer has neither.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a provider saw of one machine at one moment.

    `address` is the engine's base URL (no trailing slash), known at the latest with stage `engine`.
    `boot` counts the machine's starts, so that a sighting of an earlier life is told apart.
    `message` is a sentence when something went wrong ("The engine ended by itself (signal 9)."), or on what is being tried
    ("All g5.xlarge in us-east-1a are taken. Trying g6.xlarge."). `traits` come with machines that the provider finds by
    itself, so that one the service has not known can be taken in; `notice` when the cloud wants the machine back. `trouble`: its
    engine has ended unasked; a machine that still runs starts it again by itself. `kept`: prompts (by their ids at the engine)
    whose results lie on the machine until they are acknowledged; they outlive a stop, and are seen while it runs.
    """

    machine_id: str
    power: Power
    at: float
    stage: BootStage | None = None
    address: str | None = None
    boot: str | None = None
    message: str | None = None
    traits: Traits | None = None
    notice: Notice | None = None
    trouble: Trouble | None = None
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A result that a machine has kept: the files of one prompt in the engine's order. `finished_at` in epoch seconds."""

    files: tuple[bytes, ...]
    finished_at: float


class Provider(Protocol):
    """Machines of one kind. Every call has a deadline of its own and raises ProviderError, NoCapacity or ProviderTimeout."""

    name: str

    async def machines(self) -> list[Sighting]:
        """All machines of this provider as they are now, in any power state. Adopts what an earlier service left running."""

    async def start(self, machine_id: str) -> None:
        """Asks for a start; safe to repeat: a machine that starts or runs is left alone. Returns once the order is accepted.

        A machine that is still stopping is waited for, if its provider knows how long that takes; one that goes on stopping
        cannot be started yet (ProviderError), and its next sighting says when it can. A provider that tries other ways when
        machines are taken announces each as a sighting with a message.
        """

    async def stop(self, machine_id: str, *, force: bool = False) -> None:
        """Asks for a stop, keeping the disk; safe to repeat. `force` does not wait for the engine to end in order."""

    async def door(self, machine_id: str) -> Door:
        """How the machine's engine is reached, as of now. Raises ProviderError for a machine that is not up."""

    async def drain(self, machine_id: str, draining: bool) -> None:
        """Closes the machine to new prompts, whoever sends them, or opens it again; safe to repeat.

        What it has goes on. A machine without a guard has no door to close: nothing happens.
        """

    async def hand_over(self, machine_id: str) -> None:
        """Makes a machine another artist's: its engine is ended, input, output and temp are emptied, and it is started anew.

        Returns once the old engine has ended and nothing is left; the new one is seen to answer like after a start. Results that
        the machine has kept go too. Raises ProviderError when the machine is not up, when somebody works on it (it goes on as
        before then), and when it is not sure to be wiped. Safe to repeat.
        """

    async def prefetch(self, machine_id: str, models: Sequence[str]) -> None:
        """Says which models (`checkpoints/name.safetensors`) will be wanted first; advice, which may come to nothing."""

    async def deliver(self, machine_id: str, name: str, data: bytes) -> str | None:
        """Puts an input picture (`abc.png`) beside an engine that still starts; the name it will find it under.

        None where that cannot be done before the engine answers. Raises ProviderError while the machine does not hear yet.
        """

    async def kept(self, machine_id: str, prompt_id: str) -> Kept | None:
        """What the machine has kept of a prompt, checked against its checksums; None when it keeps nothing (any more).

        The engine need not be up. Raises ProviderError while the machine does not hear, and when what came is damaged.
        """

    async def acknowledge(self, machine_id: str, prompt_ids: Sequence[str]) -> None:
        """These results are safe here: the machine may forget them. Unknown ids are fine; safe to repeat."""

    def watch(self) -> AsyncIterator[Sighting]:
        """Everything machines announce from this call on, as it happens; ends when the provider is closed.

        One watcher at a time: a second call ends the first. Machines that an earlier service left running are heard once
        `machines()`, `start` or `stop` has adopted them.
        """

    async def close(self) -> None:
        """Lets go of connections. Machines keep running."""

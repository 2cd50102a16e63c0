"""The monitor of this machine, put together from its settings. Everything outside is reached from here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..metadata import Metadata
from ..paths import Paths
from ..settings import Settings
from .clock import Clock
from .monitor import Monitor
from .order import Orders
from .policy import Policy
from .sampler import Sampler
from .signals.activity import ActivitySignal
from .signals.base import Signal
from .signals.engine import EngineSignal
from .signals.gpu import Gpus, GpuSignal
from .signals.hold import HoldSignal
from .signals.ssh import SshSignal
from .signals.traffic import TrafficSignal
from .signals.working import MarksSignal
from .state import Boot
from .stopping import Stopper
from .tags import Lease, Tag
from .world import World


def monitor_of(
    paths: Paths, settings: Settings, *, gpus: Gpus, clock: Clock, world: World, say: Callable[[str], None]
) -> Monitor:
    """Raises OSError when this is no Linux."""
    metadata = Metadata() if settings.cloud == "ec2" else None
    return Monitor(
        paths=paths,
        policy=Policy.of(settings.idle),
        step=settings.idle.sample_seconds,
        look_again=settings.idle.look_again_seconds,
        signals=signals_of(paths, settings, gpus, clock, metadata),
        lease=Lease(Tag(metadata, "lease-until", clock.boot) if metadata else None),
        boot=this_boot(paths.root / "proc"),
        clock=clock,
        world=world,
        say=say,
    )


def signals_of(paths: Paths, settings: Settings, gpus: Gpus, clock: Clock, metadata: Metadata | None) -> list[Signal]:
    """Every place where work can be seen, in the order in which a prompt passes them: guard, queue, GPU, the guard's log. The
    other way round, one could move on between two looks and be seen by none."""
    proc, idle = paths.root / "proc", settings.idle
    return [
        TrafficSignal(("upload", "uploads"), paths.upload_socket, proc / "net/unix"),
        TrafficSignal(("prompt", "prompts"), paths.prompt_socket, proc / "net/unix"),
        EngineSignal(settings.engine.port),
        GpuSignal(gpus, idle.gpu_percent),
        MarksSignal(paths.marks),
        SshSignal(proc, paths.root / "dev", idle.ssh_seconds),
        HoldSignal(paths.hold, Tag(metadata, "hold-until", clock.boot) if metadata else None, clock.wall),
        ActivitySignal(paths.activity_log),
    ]


def orders_of(monitor: Monitor) -> Orders:
    """What obeys an order of the service, with what the monitor remembers."""
    monitor.recall()
    sampler = Sampler(monitor.signals, monitor.clock, 1.0, monitor.policy.blink)
    stopper = Stopper(monitor.world, monitor.clock, monitor.say)
    return Orders(monitor.paths, sampler, stopper, monitor.clock, monitor.look_again, monitor.say)


def this_boot(proc: Path) -> Boot:
    """Which boot this is; it began with the first process. Raises OSError."""
    ticks = int((proc / "1/stat").read_text(errors="replace").rpartition(")")[2].split()[19])
    return Boot((proc / "sys/kernel/random/boot_id").read_text().strip(), ticks / os.sysconf("SC_CLK_TCK"))

"""Everything outside that the agent touches, in one place, so that a test can put its own in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cloud_image.metadata import Metadata
from cloud_image.paths import Paths
from cloud_image.settings import Settings

from .clock import Clock, SystemClock
from .cloud_watch import CloudMetadata, boot_id
from .commands import Commands, SystemCommands
from .ending import EngineProcess, UnitProcess
from .engine_client import EngineApi, EngineClient
from .gpus import Gpus, Nvml
from .notify import Systemd
from .prefetch import DiskReader, Reader
from .wire import HEARTBEAT_SECONDS


@dataclass
class World:
    """`metadata` is None where there is no cloud. `boot` names the present boot; a report goes out every `heartbeat` seconds."""

    engine: EngineApi
    process: EngineProcess
    gpus: Gpus
    metadata: CloudMetadata | None
    commands: Commands
    reader: Reader
    clock: Clock = field(default_factory=SystemClock)
    systemd: Systemd = field(default_factory=Systemd)
    boot: Callable[[], str] = boot_id
    heartbeat: float = HEARTBEAT_SECONDS


def real_world(paths: Paths, settings: Settings) -> World:
    """The machine that we run on."""
    commands = SystemCommands()
    return World(
        engine=EngineClient(settings.engine.port),
        process=UnitProcess(paths.engine_exit, commands),
        gpus=Nvml(),
        metadata=Metadata() if settings.cloud == "ec2" else None,
        commands=commands,
        reader=DiskReader([paths.fast_models, paths.models, paths.shared_models]),
    )

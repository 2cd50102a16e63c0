"""Which cloud this machine is in, and who it is there."""

from __future__ import annotations

import socket
from pathlib import Path

from cloud_image.files import replace
from cloud_image.metadata import Identity, Metadata
from cloud_image.paths import Paths
from cloud_image.settings import Settings

from .calls import Calls, NoCloud


def learn_identity(settings: Settings, paths: Paths, metadata: Metadata | None = None) -> Identity:
    """Asks the cloud who this machine is, and writes it down for the others. Raises MetadataError and OSError."""
    identity = _outside_a_cloud() if settings.cloud == "none" else (metadata or Metadata()).identity()
    replace(paths.identity, identity.as_json())
    return identity


def known_identity(settings: Settings, paths: Paths, metadata: Metadata | None = None) -> Identity:
    """As it was written down in this boot, or as the cloud says. Raises MetadataError."""
    if settings.cloud == "none":
        return _outside_a_cloud()
    try:
        return Identity.of_json(paths.identity.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return (metadata or Metadata()).identity()


def calls_of(settings: Settings, identity: Identity) -> Calls:
    """How this machine speaks to its cloud."""
    if settings.cloud == "none":
        return NoCloud(Path(settings.guard.token_file))
    from .ec2 import Ec2Calls  # half a second, which only those pay who need it

    return Ec2Calls(identity)


def _outside_a_cloud() -> Identity:
    return Identity(machine=socket.gethostname(), region="", instance_type="", deployment="", pool="default", spot=False)

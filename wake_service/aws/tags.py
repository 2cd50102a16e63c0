"""The tags by which things in a cloud account are known to be ours, and what machines carry on themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

#: The deployment a thing belongs to; on everything. Rights are limited by it.
DEPLOYMENT = "wakebrush"
#: The pool of a machine.
POOL = "wakebrush-pool"
#: The intent a machine was created for: one per machine that was meant to be.
INTENT = "wakebrush-intent"
#: On a machine: the random word that was written before its present start; tells starts within one second apart.
BOOT = "wakebrush-boot"
#: On a machine whose type was changed because its own was taken: what it was.
HOME_TYPE = "wakebrush-home-type"
#: On a snapshot: the pool whose models' disk it is a copy of. Written by whoever keeps these copies.
COPY_OF = "wakebrush-copy-of"
#: Begins the name of a tag on an image (and on its snapshots): what is in it, by name.
VERSION = "wakebrush-version-"
#: On an image: when a machine made from it last woke, answered and painted.
VERIFIED = "wakebrush-verified"
#: On a machine's system disk: the machine, and the image that the disk was made from where that is not the machine's own.
SYSTEM_OF = "wakebrush-system-of"
SYSTEM_IMAGE = "wakebrush-system-image"
#: The pool of machines that are made to try an image, and ended again: no job is given to them.
CANARY_POOL = "canary"
#: Until when a machine may run without being needed, and until when somebody keeps it awake; UTC, ISO 8601.
LEASE_UNTIL = "lease-until"
HOLD_UNTIL = "hold-until"
#: SHA-256 of the certificate that the machine's guard shows: written by the machine itself.
FINGERPRINT = "guard-fingerprint"
#: On the parameter with a wake's guard token: the ARN of the one machine that may read it.
READER = "guard-machine"


def as_dict(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """AWS's list of pairs as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """A dictionary as AWS's list of pairs."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def moment_text(moment: float) -> str:
    """A moment (epoch seconds) as it is written into a tag, in whole seconds, never later than it is."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str | None) -> float | None:
    """The moment a tag holds; None when there is none, or nobody can read it."""
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def guard_parameter(deployment: str, machine_id: str) -> str:
    """The name of the SecureString parameter with the guard token of a machine's present wake."""
    return f"/{deployment}/guard/{machine_id}"

"""The machine's own tags, and the lease that outlives a cloud that does not answer."""

from __future__ import annotations

import pytest

from cloud_image.errors import MetadataError
from cloud_image.idle_monitor.tags import Lease, Tag
from cloud_image.metadata import Metadata
from cloud_image.moments import moment_text
from tests.unit.cloud_image.idle_monitor.machine import HandClock

WALL = 1_800_000_000.0


class GivenMetadata(Metadata):
    """Has one tag, or does not answer."""

    def __init__(self) -> None:
        self.value: str | None = moment_text(WALL)
        self.down, self.asked = False, 0

    def tag(self, name: str) -> str | None:
        self.asked += 1
        if self.down:
            raise MetadataError("The metadata service does not answer.")
        return self.value if name == "lease-until" else None


def test_a_tag_is_a_moment_and_asked_for_twice_a_minute_at_most() -> None:
    metadata, clock = GivenMetadata(), HandClock()
    tag = Tag(metadata, "lease-until", clock.boot)
    assert tag() == WALL
    metadata.value = moment_text(WALL + 60)
    clock.sleep(29)
    assert (tag(), metadata.asked) == (WALL, 1)
    clock.sleep(1)
    assert (tag(), metadata.asked) == (WALL + 60, 2)
    metadata.value = "tomorrow"
    clock.sleep(30)
    assert tag() is None


def test_a_cloud_that_does_not_answer_is_not_asked_at_every_look() -> None:
    metadata, clock = GivenMetadata(), HandClock()
    metadata.down = True
    tag = Tag(metadata, "lease-until", clock.boot)
    for _ in range(2):
        with pytest.raises(MetadataError):
            tag()
    assert metadata.asked == 1


def test_a_lease_is_kept_as_it_was_last_known() -> None:
    metadata, clock = GivenMetadata(), HandClock()
    metadata.value = moment_text(WALL + 600)
    lease = Lease(Tag(metadata, "lease-until", clock.boot))
    assert lease.ends(boot=1000.0, wall=WALL) == 1600.0
    metadata.down = True
    clock.sleep(60)
    assert lease.ends(boot=1060.0, wall=WALL + 60) == 1600.0
    metadata.down, metadata.value = False, None
    clock.sleep(60)
    assert lease.ends(boot=1120.0, wall=WALL + 120) is None


def test_without_a_cloud_there_is_no_lease() -> None:
    assert Lease(None).ends(boot=1.0, wall=WALL) is None

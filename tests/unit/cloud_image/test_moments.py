"""Moments as tags hold them."""

from __future__ import annotations

import pytest

from cloud_image.moments import moment_text, read_moment
from wake_service.aws import tags


@pytest.mark.parametrize("moment", [0.0, 1_795_600_000.0, 1_795_600_000.999])
def test_service_and_machine_write_and_read_the_same(moment: float) -> None:
    assert moment_text(moment) == tags.moment_text(moment)
    assert tags.read_moment(moment_text(moment)) == read_moment(tags.moment_text(moment)) == int(moment)


@pytest.mark.parametrize("text", [None, "", "soon", "2026-11-26", "2026-11-26T20:00:00"])
def test_what_is_no_moment_is_none(text: str | None) -> None:
    assert read_moment(text) is None

"""A limit for all threads together."""

from __future__ import annotations

import threading

import pytest

from cloud_image.model_sync.rate import Rate


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_stream_takes_the_time_that_its_bytes_need() -> None:
    time = Time()
    rate = Rate(1000, lambda: time.now, time.sleep)
    for _ in range(20):
        rate.take(500)
    assert time.now - 100 == pytest.approx(10, abs=0.3)


def test_an_allowance_that_was_not_used_is_not_saved_up() -> None:
    time = Time()
    rate = Rate(1000, lambda: time.now, time.sleep)
    time.now += 3600
    rate.take(5000)
    assert time.now - 3700 == pytest.approx(5, abs=0.3)


def test_several_streams_share_one_allowance() -> None:
    waits: list[float] = []
    rate = Rate(1000, lambda: 100.0, waits.append)
    threads = [threading.Thread(target=rate.take, args=(500,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(waits) == pytest.approx(4.0, abs=0.3)


def test_without_a_limit_nobody_waits() -> None:
    waits: list[float] = []
    Rate(0, lambda: 100.0, waits.append).take(10**12)
    assert waits == []

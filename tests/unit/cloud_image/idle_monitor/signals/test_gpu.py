"""How busy the GPUs are, as NVML's binding says it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import ClassVar

import pytest

from cloud_image.idle_monitor.signals.gpu import Gpus, GpuSignal, NvmlGpus
from cloud_image.idle_monitor.verdict import Said


class NvmlError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__({12: "NVML Shared Library Not Found", 15: "GPU is lost"}.get(value, "Error"))
        self.value = value


class FakeNvml:
    """NVML's binding with as many GPUs as there are `percents`. `error` is what every call fails with."""

    NVMLError: ClassVar = NvmlError
    NVML_ERROR_LIBRARY_NOT_FOUND: ClassVar = 12

    def __init__(self, *percents: int) -> None:
        self.percents, self.error, self.begun, self.init_error = percents, 0, 0, 0

    def nvmlInit(self) -> None:
        if self.init_error:
            raise NvmlError(self.init_error)
        self.begun += 1
        self._check()

    def nvmlDeviceGetCount(self) -> int:
        self._check()
        return len(self.percents)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._check()
        return index

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        self._check()
        return SimpleNamespace(gpu=self.percents[handle], memory=99)

    def _check(self) -> None:
        if self.error:
            raise NvmlError(self.error)


def signal_of(nvml: FakeNvml) -> GpuSignal:
    return GpuSignal(NvmlGpus(nvml), 5.0)


@pytest.mark.parametrize(
    ("percents", "said", "sentence"),
    [
        ([0], Said.IDLE, "The GPU was 0 % busy."),
        ([5], Said.IDLE, "The GPU was 5 % busy."),
        ([6], Said.BUSY, "The GPU was 6 % busy."),
        ([0, 0, 83, 2], Said.BUSY, "The busiest of 4 GPUs was 83 % busy."),
        ([], Said.ABSENT, "There is no GPU on this machine."),
    ],
)
def test_it_is_busy_when_any_gpu_is_busier_than_the_limit(percents: list[int], said: Said, sentence: str) -> None:
    sign = signal_of(FakeNvml(*percents)).read(1.0)
    assert (sign.said, sign.sentence) == (said, sentence)


def test_a_machine_without_the_library_has_no_gpu_and_says_so() -> None:
    nvml = FakeNvml(0)
    nvml.init_error = 12
    sign = signal_of(nvml).read(1.0)
    assert sign.said is Said.ABSENT and "no NVIDIA driver" in sign.sentence


def test_a_driver_that_is_lost_is_missing_until_it_is_back() -> None:
    nvml = FakeNvml(50)
    signal = signal_of(nvml)
    assert signal.read(1.0).said is Said.BUSY
    nvml.error = 15
    assert signal.read(2.0).said is Said.MISSING
    assert "GPU is lost" in signal.read(3.0).sentence
    nvml.error = 0
    assert signal.read(4.0).said is Said.BUSY
    assert nvml.begun == 3


class HangingGpus(Gpus):
    """Does not answer until it is let go."""

    def __init__(self) -> None:
        self.let_go, self.asked = threading.Event(), 0

    def percents(self) -> list[float]:
        self.asked += 1
        if not self.let_go.wait(30):
            raise AssertionError("nobody let it go")
        return [70.0]


@pytest.fixture
def hanging() -> Iterator[HangingGpus]:
    gpus = HangingGpus()
    yield gpus
    gpus.let_go.set()


def test_a_driver_that_hangs_is_missing_and_is_asked_no_more_until_it_answers(hanging: HangingGpus) -> None:
    signal = GpuSignal(hanging, 5.0, seconds=0.05)
    assert signal.read(1.0).said is Said.MISSING
    assert signal.read(2.0).sentence == "The GPU's driver hangs."
    assert hanging.asked == 1
    hanging.let_go.set()
    patient = GpuSignal(hanging, 5.0, seconds=10.0)
    assert patient.read(3.0).said is Said.BUSY

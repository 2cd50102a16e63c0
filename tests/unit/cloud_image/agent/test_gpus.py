"""What the agent says of the GPUs, also when their driver does not."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from cloud_image.agent.gpus import ANSWER_SECONDS, TRY_AGAIN_SECONDS, DriverLost, GpuWatch, NoGpu, Nvml, Reading, means
from cloud_image.agent.state import State
from cloud_image.agent.wire import Gpu
from tests.unit.cloud_image.agent.conftest import Background, moved, soon
from tests.unit.cloud_image.agent.fakes import FakeGpus, nothing
from wake_service.clock import ManualClock, settle

A10G = Reading("NVIDIA A10G", 80.0, 9_000, 24_000)


def sample(*loads: float) -> list[tuple[float, list[Reading]]]:
    return [(2.0 * turn, [Reading("GPU", load, 10, 100)]) for turn, load in enumerate(loads)]


def test_the_load_is_the_mean_over_the_window() -> None:
    assert means(sample(0, 50, 100)) == [Gpu("GPU", 50.0, 6.0, 10, 100)]
    assert means([]) == []


def test_each_of_several_gpus_has_its_own_load() -> None:
    samples = [(turn, [Reading("a", 10, 1, 2), Reading("b", load, 1, 2)]) for turn, load in ((0.0, 20.0), (2.0, 40.0))]
    assert [(gpu.name, gpu.busy_percent) for gpu in means(samples)] == [("a", 10.0), ("b", 30.0)]


def test_a_lost_gpu_has_no_load_and_the_other_keeps_its_own() -> None:
    lost = Reading("a", 0, 0, 2, lost=True)
    samples = [(0.0, [Reading("a", 90, 1, 2), Reading("b", 20, 1, 2)]), (2.0, [lost, Reading("b", 40, 1, 2)])]
    assert [(gpu.lost, gpu.busy_percent) for gpu in means(samples)] == [(True, 0.0), (False, 30.0)]


def test_moments_in_which_a_gpu_was_lost_do_not_count() -> None:
    samples = [(0.0, [Reading("a", 0, 0, 2, lost=True)]), (2.0, [Reading("a", 40, 1, 2)])]
    assert means(samples)[0].busy_percent == 40.0


@pytest.fixture
def gpus() -> FakeGpus:
    return FakeGpus(A10G)


@pytest.fixture
async def watch(gpus: FakeGpus, state: State, clock: ManualClock, background: Background) -> GpuWatch:
    watch = GpuWatch(gpus, state, clock, beat=nothing)
    background(watch.run())
    await soon(lambda: gpus.reads)
    return watch


async def looked(clock: ManualClock, gpus: FakeGpus, times: int = 1) -> None:
    """Lets that many more readings be taken."""
    reads = gpus.reads
    await moved(clock, lambda: gpus.reads >= reads + times, step=2)
    await settle()


def sentences(state: State) -> list[str]:
    return [happening.sentence for happening in state.facts.happened]


async def test_only_the_last_minute_counts(watch: GpuWatch, gpus: FakeGpus, state: State, clock: ManualClock) -> None:
    await soon(lambda: state.facts.gpus)
    gpus.readings = [Reading("NVIDIA A10G", 0.0, 0, 24_000)]
    await looked(clock, gpus, 35)
    await soon(lambda: state.facts.gpus[0].busy_percent == 0.0)
    assert state.facts.gpus[0].window_seconds == 60.0


async def test_a_machine_without_a_gpu_says_nothing_and_is_not_asked_again(
    gpus: FakeGpus, state: State, clock: ManualClock, background: Background
) -> None:
    gpus.error = NoGpu("There is none.")
    task = background(GpuWatch(gpus, state, clock, beat=nothing).run())
    await soon(task.done)
    assert state.facts.gpus == () and not state.facts.happened


async def test_a_driver_that_fails_is_lost_said_once_and_tried_again(
    watch: GpuWatch, gpus: FakeGpus, state: State, clock: ManualClock
) -> None:
    await soon(lambda: state.facts.gpus)
    gpus.error = DriverLost("The driver is gone.")
    await looked(clock, gpus)
    await soon(lambda: state.facts.gpus[0].lost)
    reads = gpus.reads
    await moved(clock, lambda: gpus.reads >= reads + 2, step=TRY_AGAIN_SECONDS)
    assert sentences(state) == ["The driver is gone."]
    gpus.error = None
    await moved(clock, lambda: not state.facts.gpus[0].lost)


async def test_a_driver_that_hangs_is_lost_and_not_asked_a_second_time(
    watch: GpuWatch, gpus: FakeGpus, state: State, clock: ManualClock
) -> None:
    await soon(lambda: state.facts.gpus)
    gpus.hang = threading.Event()
    await looked(clock, gpus)
    reads = gpus.reads
    await clock.advance(ANSWER_SECONDS)
    assert state.facts.gpus[0].lost and "has not answered for 10 s" in sentences(state)[0]
    await clock.advance(3 * TRY_AGAIN_SECONDS)
    assert gpus.reads == reads
    gpus.hang.set()
    await moved(clock, lambda: not state.facts.gpus[0].lost)


async def test_one_lost_gpu_is_said_by_its_name(watch: GpuWatch, gpus: FakeGpus, state: State, clock: ManualClock) -> None:
    gpus.readings = [A10G, Reading("NVIDIA L4", 0, 0, 0, lost=True)]
    await looked(clock, gpus, 2)
    await soon(lambda: sentences(state))
    assert len(sentences(state)) == 1 and "NVIDIA L4" in sentences(state)[0]


class Library:
    """pynvml with two GPUs; `broken` is the error that the second one answers with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken: int | None = None
        self.started: list[int] = []
        self.start_error: int | None = None
        fakes = {
            "nvmlInit": self._start,
            "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": lambda place: place,
            "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(used=5, total=10),
            "nvmlDeviceGetName": lambda place: f"GPU no. {place}",
            "nvmlDeviceGetUtilizationRates": self._load,
        }
        for name, fake in fakes.items():
            monkeypatch.setattr(pynvml, name, fake)

    def _start(self) -> None:
        self.started.append(1)
        if self.start_error is not None:
            raise pynvml.NVMLError(self.start_error)

    def _load(self, place: int) -> Any:
        if place == 1 and self.broken is not None:
            raise pynvml.NVMLError(self.broken)
        return SimpleNamespace(gpu=40)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(monkeypatch)


def test_all_gpus_are_read_and_the_library_is_started_once(library: Library) -> None:
    nvml = Nvml()
    for _ in range(2):
        assert nvml.read() == [Reading("GPU no. 0", 40.0, 5, 10), Reading("GPU no. 1", 40.0, 5, 10)]
    assert len(library.started) == 1


def test_a_part_of_a_gpu_has_no_load_of_its_own(library: Library) -> None:
    library.broken = pynvml.NVML_ERROR_NOT_SUPPORTED
    assert Nvml().read()[1] == Reading("GPU no. 1", 0.0, 5, 10)


def test_a_library_that_breaks_later_is_started_again(library: Library) -> None:
    nvml = Nvml()
    nvml.read()
    library.broken = pynvml.NVML_ERROR_NO_PERMISSION
    with pytest.raises(DriverLost):
        nvml.read()
    library.broken = None
    assert len(nvml.read()) == 2 and len(library.started) == 2


@pytest.mark.parametrize("error", [pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_ERROR_RESET_REQUIRED])
def test_a_gpu_that_fell_off_the_bus_is_lost_under_its_name_and_the_other_is_read(library: Library, error: int) -> None:
    nvml = Nvml()
    nvml.read()
    library.broken = error
    assert nvml.read() == [Reading("GPU no. 0", 40.0, 5, 10), Reading("GPU no. 1", 0.0, 0, 10, lost=True)]


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, NoGpu, "no NVIDIA driver"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, DriverLost, "Build a new machine image"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, DriverLost, "not loaded"),
        (pynvml.NVML_ERROR_NO_PERMISSION, DriverLost, "does not work"),
    ],
)
def test_a_library_that_does_not_start_says_why_and_is_started_again(
    library: Library, error: int, kind: type[Exception], said: str
) -> None:
    nvml = Nvml()
    library.start_error = error
    with pytest.raises(kind, match=said):
        nvml.read()
    library.start_error = None
    assert len(nvml.read()) == 2 and len(library.started) == 2

"""The machine's GPUs as NVML sees them: load, memory, and whether their driver still answers."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cloud_image.errors import MachineError

from .clock import Clock, beside, within
from .state import State
from .wire import Gpu

log = logging.getLogger(__name__)

WINDOW_SECONDS = 60.0
SAMPLE_SECONDS = 2.0
#: A driver that has not answered for so long (seconds) does not answer.
ANSWER_SECONDS = 10.0
#: Seconds until a driver that did not work is tried again.
TRY_AGAIN_SECONDS = 60.0


class DriverLost(MachineError):
    """The GPUs' driver does not work; the text says how it shows and what to do."""


class NoGpu(MachineError):
    """This machine has no NVIDIA driver at all."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One GPU at one moment. `lost`: it no longer answers."""

    name: str
    busy_percent: float
    vram_used: int
    vram_total: int
    lost: bool = False


class Gpus(Protocol):
    """The GPUs of this machine. Blocks; raises NoGpu or DriverLost."""

    def read(self) -> list[Reading]:
        """All of them now."""


class GpuWatch:
    """Keeps the last minute of each GPU's load."""

    def __init__(self, gpus: Gpus, state: State, clock: Clock, *, beat: Callable[[], None]) -> None:
        self._gpus = gpus
        self._state = state
        self._clock = clock
        self._beat = beat
        self._samples: deque[tuple[float, list[Reading]]] = deque()
        self._trouble = ""
        self._reading: asyncio.Future[list[Reading]] | None = None

    async def run(self) -> None:
        """Until cancelled; returns when there is no GPU to watch."""
        while True:
            self._beat()
            try:
                readings = await self._read()
            except NoGpu as none:
                log.info("%s", none)
                return
            except DriverLost as lost:
                await self._lost(str(lost))
            except TimeoutError:
                await self._lost(
                    f"The GPU's driver has not answered for {ANSWER_SECONDS:g} s. Stop the machine and wake it again."
                )
            else:
                self._take(readings)
                await self._clock.sleep(SAMPLE_SECONDS)

    async def _read(self) -> list[Reading]:
        """One reading. A driver that hangs is waited for and not asked a second time. Raises TimeoutError."""
        reading = self._reading or asyncio.ensure_future(beside(self._gpus.read))
        self._reading = reading
        try:
            return await within(self._clock, ANSWER_SECONDS, asyncio.shield(reading))
        finally:
            self._reading = None if reading.done() else reading

    def _take(self, readings: list[Reading]) -> None:
        now = self._clock.now()
        lost = [reading.name for reading in readings if reading.lost]
        self._say(f"GPU {lost[0]} no longer answers. Stop the machine and wake it again." if lost else "")
        self._samples.append((now, readings))
        while self._samples and not now - WINDOW_SECONDS <= self._samples[0][0] <= now:
            self._samples.popleft()
        self._state.facts = replace(self._state.facts, gpus=tuple(means(list(self._samples))))

    async def _lost(self, sentence: str) -> None:
        """Says so, and waits until it may be worth another try, without looking dead meanwhile."""
        self._say(sentence)
        self._samples.clear()
        facts = self._state.facts
        self._state.facts = replace(facts, gpus=tuple(replace(gpu, lost=True, busy_percent=0.0) for gpu in facts.gpus))
        for _ in range(int(TRY_AGAIN_SECONDS / ANSWER_SECONDS)):
            self._beat()
            await self._clock.sleep(ANSWER_SECONDS)

    def _say(self, trouble: str) -> None:
        """Each trouble once."""
        if trouble and trouble != self._trouble:
            self._state.say(trouble)
        self._trouble = trouble


def means(samples: list[tuple[float, list[Reading]]]) -> list[Gpu]:
    """Each GPU of the newest sample, with its mean load over all of them."""
    if not samples:
        return []
    seconds = round(min(WINDOW_SECONDS, samples[-1][0] - samples[0][0] + SAMPLE_SECONDS), 1)
    found = []
    for place, last in enumerate(samples[-1][1]):
        loads = [row[place].busy_percent for _, row in samples if place < len(row) and not row[place].lost]
        mean = sum(loads) / len(loads) if loads and not last.lost else 0.0
        found.append(Gpu(last.name, round(min(100.0, mean), 1), seconds, last.vram_used, last.vram_total, last.lost))
    return found


class Nvml:
    """NVIDIA's own library, through its Python binding, which is imported with the first reading.

    https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html has the errors.
    """

    def __init__(self) -> None:
        self._ready = False
        self._names: dict[int, tuple[str, int]] = {}

    def read(self) -> list[Reading]:
        import pynvml

        try:
            if not self._ready:
                pynvml.nvmlInit()
                self._ready = True
            return [self._one(pynvml, place) for place in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as error:
            self._ready = False
            raise _sentence(pynvml, error) from error

    def _one(self, pynvml: Any, place: int) -> Reading:
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(place)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            load = _load(pynvml, handle)
            if place not in self._names:
                self._names[place] = str(pynvml.nvmlDeviceGetName(handle)), int(memory.total)
            return Reading(self._names[place][0], load, int(memory.used), int(memory.total))
        except pynvml.NVMLError as error:
            if error.value not in (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED, pynvml.NVML_ERROR_UNKNOWN):
                raise
            name, total = self._names.get(place, (f"GPU {place}", 0))
            return Reading(name, 0.0, 0, total, lost=True)


def _load(pynvml: Any, handle: Any) -> float:
    """Its utilisation in percent; 0 for a part of a GPU (MIG), of which NVML does not say it."""
    try:
        return float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except pynvml.NVMLError_NotSupported:
        return 0.0


def _sentence(pynvml: Any, error: Any) -> MachineError:
    if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return NoGpu("There is no NVIDIA driver here, so no GPU is watched.")
    if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return DriverLost(
            "The GPU's driver and its library are of different versions, so the GPU cannot be used: something updated one of "
            "them. Build a new machine image, in which both are pinned."
        )
    if error.value == pynvml.NVML_ERROR_DRIVER_NOT_LOADED:
        return DriverLost(
            "The GPU's driver is not loaded. Is this a machine with a GPU, and was its image built for this kernel?"
        )
    return DriverLost(f"The GPU's driver does not work: {error}. Stop the machine and wake it again.")

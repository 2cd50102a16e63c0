"""How busy the GPUs are. Memory that is taken is no work: an engine keeps its models there for hours.

NVML can hang for ever when a GPU has fallen off its bus, so it is asked in a thread that is given up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from ...errors import MachineError
from ..verdict import Said, Sign
from .base import Signal

#: Its first call may load the driver, which takes a second or two; any other takes a millisecond.
SECONDS = 5.0


class GpuError(MachineError):
    """The driver does not answer as it should; the text says how."""


class NoGpuLibrary(MachineError):
    """There is no NVML on this machine, so no GPU of this kind."""


class Gpus(Protocol):
    """The machine's GPUs."""

    def percents(self) -> list[float]:
        """How busy each is, in per cent. Raises GpuError when one of them cannot be read, NoGpuLibrary."""


class NvmlGpus(Gpus):
    """All GPUs that NVML lists. It begins anew after every failure: a driver may come back."""

    def __init__(self, nvml: Any = None) -> None:
        self._nvml = nvml
        self._begun = False

    def percents(self) -> list[float]:
        nvml = self._library()
        try:
            if not self._begun:
                nvml.nvmlInit()
                self._begun = True
            handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
            return [float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu) for handle in handles]
        except nvml.NVMLError as error:
            self._begun = False
            if error.value == nvml.NVML_ERROR_LIBRARY_NOT_FOUND:
                raise NoGpuLibrary("There is no NVIDIA driver on this machine.") from error
            raise GpuError(f"The GPU's driver does not answer: {error}.") from error

    def _library(self) -> Any:
        if self._nvml is None:
            import pynvml

            self._nvml = pynvml
        return self._nvml


class GpuSignal(Signal):
    """Busy when any GPU is more than `percent` busy."""

    name = "gpu"

    def __init__(self, gpus: Gpus, percent: float, seconds: float = SECONDS) -> None:
        self._ask = _Patient(gpus.percents, seconds)
        self._percent = percent

    def read(self, now: float) -> Sign:
        try:
            percents = self._ask()
        except NoGpuLibrary as none:
            return Sign(self.name, Said.ABSENT, str(none))
        except GpuError as error:
            return Sign(self.name, Said.MISSING, str(error))
        if not percents:
            return Sign(self.name, Said.ABSENT, "There is no GPU on this machine.")
        most = max(percents)
        which = "The GPU was" if len(percents) == 1 else f"The busiest of {len(percents)} GPUs was"
        said = Said.BUSY if most > self._percent else Said.IDLE
        return Sign(self.name, said, f"{which} {most:.0f} % busy.", most)


class _Patient:
    """Asks in a thread, and waits only so long; while one hangs, no other is begun."""

    def __init__(self, ask: Callable[[], list[float]], seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._hanging: threading.Thread | None = None

    def __call__(self) -> list[float]:
        if self._hanging is not None and self._hanging.is_alive():
            raise GpuError("The GPU's driver hangs.")
        found: list[list[float] | MachineError] = []
        self._hanging = threading.Thread(target=lambda: found.append(self._try()), daemon=True)
        self._hanging.start()
        self._hanging.join(self._seconds)
        if not found:
            raise GpuError(f"The GPU's driver has not answered for {self._seconds:g} s.")
        if isinstance(found[0], MachineError):
            raise found[0]
        return found[0]

    def _try(self) -> list[float] | MachineError:
        try:
            return self._ask()
        except MachineError as error:
            return error

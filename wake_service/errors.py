"""What can go wrong, as sentences for the person who reads them.

WakebrushError
├── RequestError          the caller can mend it; becomes a problem document (docs/wire.md lists the codes)
├── ProviderError         a machine could not be listed, started or stopped
│   ├── NoCapacity        the cloud has none of this kind now; worth asking again or elsewhere
│   └── ProviderTimeout   the cloud did not answer in time; nobody knows whether it did it
├── EngineError           the engine answered wrongly, or not at all
│   ├── EngineUnreachable no connection, or it broke
│   ├── EngineDraining    its machine is about to stop and takes no new work
│   ├── EngineRefused     the engine's validation said no (carries its own words)
│   └── EngineFailed      the engine accepted the work and failed at it
├── ModelError            a model file cannot be added, listed or removed
├── StorageError
│   ├── StorageFull       the disk has no room; nothing was half-written
│   └── BlobCorrupt       what was read is not what its name says
└── SetupError            the service cannot start like this
"""

from __future__ import annotations

from typing import Any


class WakebrushError(Exception):
    """Base of everything raised on purpose here."""


class RequestError(WakebrushError):
    """The caller asked for something that cannot be done, and can mend it.

    `code` is stable and listed in docs/wire.md; `title` says what happened, `hint` what to do;
    `extra` goes into the problem document.
    """

    def __init__(self, status: int, code: str, title: str, *, hint: str = "", detail: str | None = None, **extra: Any) -> None:
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
        self.hint = hint
        self.detail = detail
        self.extra = extra


class ProviderError(WakebrushError):
    """A machine could not be listed, started or stopped; the message says why."""


class NoCapacity(ProviderError):
    """All machines of this kind are taken."""


class ProviderTimeout(ProviderError):
    """The provider did not answer in time; whether it acted is unknown."""


class EngineError(WakebrushError):
    """The engine answered wrongly, or not at all."""


class EngineUnreachable(EngineError):
    """No connection to the engine, or the connection broke."""


class EngineDraining(EngineError):
    """The machine takes no new prompts, as it is about to stop; worth asking elsewhere, or again in `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineRefused(EngineError):
    """The engine refused a graph.

    `kind` is ComfyUI's error type (`prompt_outputs_failed_validation`, ...); `node_errors` its own details, `error` the rest.
    """

    def __init__(
        self, kind: str, message: str, node_errors: dict[str, Any] | None = None, error: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.node_errors = node_errors or {}
        self.error = error or {"type": kind, "message": message, "details": "", "extra_info": {}}


class EngineFailed(EngineError):
    """The engine accepted a prompt and failed while executing it; `exception_type` is its own name for it."""

    def __init__(self, message: str, *, exception_type: str = "", node_type: str = "") -> None:
        super().__init__(message)
        self.exception_type = exception_type
        self.node_type = node_type

    @property
    def out_of_memory(self) -> bool:
        """Whether the GPU (or the machine) ran out of memory.

        The words are those of torch, of CUDA's driver, and of ComfyUI's own tip, which it adds to every such failure.
        """
        words = str(self).lower()
        by_name = "OutOfMemory" in self.exception_type or self.exception_type == "MemoryError"
        return by_name or any(said in words for said in ("out of memory", "allocation on device", "t allocate memory"))


class ModelError(WakebrushError):
    """A model file cannot be added, listed or removed; the message says why, and that nothing was changed."""


class StorageError(WakebrushError):
    """Something could not be stored or read back."""


class StorageFull(StorageError):
    """The disk has no room; nothing was half-written."""


class BlobCorrupt(StorageError):
    """What was read is not what its name says."""


class SetupError(WakebrushError):
    """The service cannot start like this; the message says what to change."""

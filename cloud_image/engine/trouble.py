"""Why the engine ended, in a sentence for who waits for a picture or looks after the machine. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .exits import Exit


class Kind(StrEnum):
    """What is wrong; `memory` and `gpu_memory` are worth another try at lower cost."""

    STOPPED = "stopped"
    MEMORY = "memory"
    GPU_MEMORY = "gpu_memory"
    GPU = "gpu"
    DRIVER = "driver"
    PORT = "port"
    DISK = "disk"
    FOLDER = "folder"
    FLAGS = "flags"
    LIBRARY = "library"
    SETTINGS = "settings"
    SHIELD = "shield"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Trouble:
    """`sentence` says what happened, what it means, and what to do."""

    kind: Kind
    sentence: str


# Nobody says here that the engine starts again: whoever knows whether it does adds that.
_ADVICE = "From now on it keeps less in memory; if it happens again, paint smaller, or use a machine with more memory."
_MEMORY = f"The machine ran out of memory (RAM), and the engine was ended. {_ADVICE}"
_KILLED = f"The engine was killed, most likely because the machine ran out of memory (RAM). {_ADVICE}"
_GPU_MEMORY = (
    "The GPU ran out of memory, and the engine ended. If it happens again, paint smaller, use fewer controls, or use a machine "
    "with a larger GPU."
)

#: What a line of the engine's log means. The lines are those of ComfyUI (main.py, server.py, app/frontend_management.py,
#: comfy/cli_args.py), of Python, of torch (c10/cuda), and of NVIDIA's driver. `{0}` is the pattern's first group.
_LINES: tuple[tuple[str, Kind, str], ...] = (
    (r"^(The engine cannot be started: .+)$", Kind.SETTINGS, "{0}"),
    (
        r"Dependency failed for comfyui\.service",
        Kind.SHIELD,
        "The engine was not started, because nothing would keep it from the cloud's credentials. Look why: systemctl status "
        "wakebrush-shield",
    ),
    (
        r"CUDA out of memory|torch\.OutOfMemoryError|cuda\.OutOfMemoryError|CUDA error: out of memory",
        Kind.GPU_MEMORY,
        _GPU_MEMORY,
    ),
    (r"Allocation on device .*would exceed allowed memory", Kind.GPU_MEMORY, _GPU_MEMORY),
    (r"^MemoryError\b|std::bad_alloc|DefaultCPUAllocator: (?:can't|not enough)|Cannot allocate memory", Kind.MEMORY, _MEMORY),
    (
        r"Driver/library version mismatch|LIB_RM_VERSION_MISMATCH|unsupported display driver / cuda driver combination",
        Kind.DRIVER,
        "NVIDIA's driver and its libraries are of different versions, so the GPU cannot be used. Build the image anew, and let "
        "nothing on it upgrade itself.",
    ),
    (
        r"NVIDIA driver on your system is too old|CUDA driver version is insufficient",
        Kind.DRIVER,
        "NVIDIA's driver is too old for the engine's torch, so the GPU cannot be used. Build an image with a newer driver.",
    ),
    (
        r"Found no NVIDIA driver|no CUDA-capable device is detected|CUDA driver initialization failed"
        r"|Torch not compiled with CUDA|No CUDA GPUs are available|couldn't communicate with the NVIDIA driver",
        Kind.DRIVER,
        "The engine finds no GPU that works. Stop and start the machine; if that does not help, build an image whose driver and "
        "torch fit its GPU.",
    ),
    (
        r"no kernel image is available for execution on the device|is not compatible with the current PyTorch installation",
        Kind.DRIVER,
        "The engine's torch was not made for this GPU. Build an image with another torch, or use another type of machine.",
    ),
    (
        r"CUDA error: (?!out of memory)(.+?)\.?$|uncorrectable ECC error|GPU is lost|fallen off the bus",
        Kind.GPU,
        "The GPU stopped working ({0}), and the engine ended. If it does not come back, stop and start the machine, which gives "
        "it another one.",
    ),
    (
        r"(?:, (\d+)\): )?address already in use",
        Kind.PORT,
        "Another program on the machine has the engine's port {0}, so the engine cannot start. End it, or set another port in "
        "machine.toml.",
    ),
    (
        r"No space left on device|database or disk is full",
        Kind.DISK,
        "The machine's disk is full, so the engine ended. Delete pictures or models that nobody needs, or make the disk larger.",
    ),
    (
        r"ASSETS_STARTUP_FAILED: (\w+)",
        Kind.SETTINGS,
        "The engine cannot use its own database ({0}), so it cannot start. No picture is in it: delete comfyui.db in "
        "/var/lib/comfyui/user.",
    ),
    (
        r"Database is locked\. Another ComfyUI process",
        Kind.SETTINGS,
        "Another ComfyUI on this machine uses the same database, so the engine cannot start. End the other one.",
    ),
    (
        r"error: argument .*(?:The path '(.+?)' does not exist|'(.+?)' is not a directory|read permissions for '(.+?)')",
        Kind.FOLDER,
        "The engine's folder {0} is missing or cannot be read, so it cannot start. Start the machine anew, which makes it; if "
        "that does not help, build the image anew.",
    ),
    (
        r"error: (?:unrecognized arguments: |argument )(.+)$",
        Kind.FLAGS,
        "This ComfyUI does not take the flags that it is started with ({0}). Correct engine.flags in machine.toml.",
    ),
    (
        r"yaml\.(?:scanner|parser)\.\w+Error|load_extra_path_config",
        Kind.SETTINGS,
        "The list of models' folders (extra_model_paths.yaml) cannot be read, so the engine cannot start. Make it anew: "
        "wakebrush-models paths",
    ),
    (
        r"comfyui-frontend-package is not installed|ModuleNotFoundError: No module named '(.+?)'|^ImportError: (.+)$",
        Kind.LIBRARY,
        "A library that the engine needs is missing or does not fit ({0}), so it cannot start. Build the image anew.",
    ),
    (
        r"(?:FileNotFoundError|NotADirectoryError): .*?'(.+?)'",
        Kind.FOLDER,
        "The engine misses {0}, and ended. Look whether the models' disk is mounted: systemctl status wakebrush-disks",
    ),
    (
        r"PermissionError: .*?'(.+?)'",
        Kind.FOLDER,
        "The engine may not use {0}, and ended. Start the machine anew, which gives its folders back to it.",
    ),
)
_PATTERNS = tuple((re.compile(pattern), kind, sentence) for pattern, kind, sentence in _LINES)
#: An error that ends a program is among the last lines; further up it may be of a node pack that the engine does without.
_LAST_LINES = 40
#: What systemd writes between two lives of the engine.
_END = re.compile(r": Main process exited, code=")
_SIGNALS = {
    "SEGV": "a fault in its memory",
    "ABRT": "an error in one of its libraries",
    "BUS": "a file that shrank while it was read",
}


def explain(exit: Exit, lines: Sequence[str]) -> Trouble:
    """Why it ended, from how its process ended and from its last log lines, the oldest first."""
    if exit.result == "oom-kill":
        return Trouble(Kind.MEMORY, _MEMORY)
    if exit.result == "signal" and exit.status == "KILL":
        return Trouble(Kind.MEMORY, _KILLED)
    if exit.result == "success" and exit.status in ("0", "TERM", "INT"):
        return Trouble(Kind.STOPPED, "The engine was stopped.")
    return _said(_last_life(lines)) or _otherwise(exit)


def _said(lines: Sequence[str]) -> Trouble | None:
    """What the last line means that means anything: an error that ends a program is the last it says."""
    for line in reversed(lines[-_LAST_LINES:]):
        for pattern, kind, sentence in _PATTERNS:
            if found := pattern.search(line.strip()):
                detail = next((group for group in found.groups() if group), "")
                return Trouble(kind, sentence.format(detail) if detail else re.sub(r" ?\(\{0\}\)| ?\{0\}", "", sentence))
    return None


def _otherwise(exit: Exit) -> Trouble:
    if exit.result == "timeout":
        reason = "did not end when it was asked to, and was ended"
    elif exit.result in ("signal", "core-dump"):
        reason = f"crashed ({_SIGNALS.get(exit.status, exit.status)})"
    else:
        reason = f"ended by itself (status {exit.status})"
    row = f" These were {exit.streak} failures in a row." if exit.streak > 1 else ""
    return Trouble(Kind.CRASH, f"The engine {reason}.{row} Its log says more: journalctl -u comfyui")


def _last_life(lines: Sequence[str]) -> Sequence[str]:
    """The lines of the life that ended last: what came after it belongs to the next start."""
    ends = [number for number, line in enumerate(lines) if _END.search(line)]
    if not ends:
        return lines
    return lines[ends[-2] + 1 if len(ends) > 1 else 0 : ends[-1]]

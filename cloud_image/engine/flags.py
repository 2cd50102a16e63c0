"""How ComfyUI is started on this machine: its command line, from the machine's memory and disks. Pure.

The flags are those of ComfyUI 0.45 (comfy/cli_args.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloud_image.paths import Paths
from cloud_image.settings import Settings

_GIB = 1024**3
#: From here on the weights of two large models (24 GB each) stay in memory beside the engine itself. Below, keeping them would
#: have the engine killed; ComfyUI then lets go of what it has not used lately.
ROOMY_BYTES = 60 * _GIB

#: Flags of which ComfyUI takes one only.
_CACHES = frozenset({"--cache-ram", "--cache-classic", "--cache-lru", "--cache-none", "--high-ram"})
_DEVICES = frozenset({"--cpu", "--gpu-only", "--highvram", "--lowvram", "--novram", "--directml"})


@dataclass(frozen=True, slots=True)
class Hardware:
    """`memory`: RAM in bytes. `gpu`: an NVIDIA GPU is built in, whether or not its driver works. `fast_disk`: models are read
    from a disk of the host itself."""

    memory: int
    gpu: bool
    fast_disk: bool


def flags(machine: Hardware, settings: Settings, paths: Paths, *, frugal: bool, model_paths: bool) -> list[str]:
    """What to start ComfyUI with. `frugal`: it ran out of memory before; `model_paths`: paths.model_paths is there.

    The admin's own flags (`engine.flags` of machine.toml) come last, and win over what is chosen here.
    """
    data = paths.engine_data
    ours = ["--listen", "127.0.0.1", "--port", str(settings.engine.port), "--disable-auto-launch"]
    ours += ["--input-directory", str(data / "input"), "--output-directory", str(data / "output")]
    # It adds `temp` itself, and empties that at every start.
    ours += ["--temp-directory", str(data), "--user-directory", str(data / "user")]
    # Its catalogue of files reads every model through, which no artist waits for; what is left of it must be writable.
    ours += ["--disable-assets", "--database-url", f"sqlite:///{data / 'user' / 'comfyui.db'}"]
    ours += ["--max-upload-size", str(settings.guard.max_upload_mib), "--preview-method", "auto"]
    if model_paths:
        ours += ["--extra-model-paths-config", str(paths.model_paths)]
    if not machine.gpu and not _any(_DEVICES, settings.engine.flags):
        ours.append("--cpu")
    return ours + _memory_flags(machine, settings.engine.flags, frugal=frugal) + settings.engine.flags


def _memory_flags(machine: Hardware, theirs: list[str], *, frugal: bool) -> list[str]:
    """How much it keeps in memory between prompts."""
    if _any(_CACHES, theirs):
        return []
    if frugal:
        return ["--cache-none", "--disable-pinned-memory"]
    if machine.fast_disk:
        return ["--fast-disk"]
    return ["--high-ram"] if machine.memory >= ROOMY_BYTES else []


def _any(group: Iterable[str], given: list[str]) -> bool:
    return bool(frozenset(group) & {flag.split("=", 1)[0] for flag in given})

"""How an engine is started on this computer."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wake_service.errors import SetupError
from wake_service.settings import Settings

PORT = "{port}"

#: Chosen here for every engine: it listens on this computer only, on a port that the launcher picks.
_OURS = ("--listen", "--host", "--port")

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class EngineCommand:
    """A command line whose argument `{port}` is replaced, the folder it runs in, and what its environment gets besides.

    `wiped`: the folders that hold artists' files, which are emptied when the machine becomes another artist's. None: it cannot.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    wiped: tuple[Path, ...] = ()


def from_settings(settings: Settings, directory: Path) -> EngineCommand:
    """The engine the admin chose: ComfyUI where one is named, else the practice engine with its files in `directory`.

    Where it serves one artist at a time, ComfyUI's files are in `directory` too, and not in the checkout, whose own are nobody's
    to wipe. Raises SetupError, naming the setting that cannot be used.
    """
    command = _chosen(settings, directory)
    return _apart(command, directory) if settings.isolation == "per_artist" and not settings.practice else command


def _apart(command: EngineCommand, directory: Path) -> EngineCommand:
    """The same ComfyUI with its artists' files in `directory`. It puts `temp` below the folder that it is told."""
    place = directory.absolute()
    folders = (("--input-directory", place / "input"), ("--output-directory", place / "output"), ("--temp-directory", place))
    told = [word for flag, folder in folders for word in (flag, str(folder))]
    return replace(command, argv=(*command.argv, *told), wiped=_folders(place))


def _folders(place: Path) -> tuple[Path, ...]:
    return tuple(place / name for name in ("input", "output", "temp"))


def _chosen(settings: Settings, directory: Path) -> EngineCommand:
    folder, workspace = settings.comfyui_folder, settings.comfyui_workspace
    if folder is not None and workspace is not None:
        raise SetupError("comfyui_folder and comfyui_workspace both name an engine; set only one of them.")
    if workspace is not None:
        if settings.comfyui_python is not None:
            raise SetupError(
                "A comfy-cli workspace brings its own Python; set comfyui_folder together with comfyui_python instead."
            )
        return comfy_cli_workspace(workspace, settings.engine_args)
    if folder is not None:
        return comfyui(folder, settings.comfyui_python, settings.engine_args)
    if settings.comfyui_python is not None:
        raise SetupError("comfyui_python is set, but no ComfyUI to run with it; set comfyui_folder too.")
    return practice_engine(directory, settings.practice_args)


def practice_engine(directory: Path, extra: Sequence[str] = ()) -> EngineCommand:
    """The built-in engine; inputs and pictures go to `directory`."""
    _refuse_ours(extra, "practice_args")
    argv = (
        sys.executable,
        "-m",
        "wake_service.practice_engine",
        *extra,
        "--port",
        PORT,
        "--directory",
        str(directory.absolute()),
    )
    return EngineCommand(argv, cwd=_PACKAGE_PARENT, wiped=_folders(directory.absolute()))


def comfyui(folder: Path, python: Path | None = None, extra: Sequence[str] = ()) -> EngineCommand:
    """A ComfyUI checkout with a Python: the given one, else the checkout's own venv, else `python3`."""
    folder = folder.expanduser().absolute()
    if not (folder / "main.py").is_file() or not (folder / "comfy").is_dir():
        raise SetupError(
            f"{folder} is not a ComfyUI folder: it lacks main.py or comfy/. Set comfyui_folder to the checkout itself."
        )
    _refuse_ours(extra, "engine_args")
    interpreter = _own_python(folder) or shutil.which("python3") if python is None else _given_python(python)
    if interpreter is None:
        raise SetupError(f"{folder} has no venv of its own and there is no python3 on the PATH; set comfyui_python.")
    argv = [interpreter, "main.py", *extra]
    if _knows(folder, "--disable-assets"):
        # ComfyUI's asset database refuses to start twice on one folder, or with a damaged file; the machine would not wake.
        argv.append("--disable-assets")
    # Ours come last: the last of two wins, and ComfyUI takes abbreviations that `_refuse_ours` doesn't know.
    argv += ["--listen", "127.0.0.1", "--port", PORT, "--disable-auto-launch"]
    return EngineCommand(tuple(argv), cwd=folder)


def comfy_cli_workspace(workspace: Path, extra: Sequence[str] = ()) -> EngineCommand:
    """A workspace of comfy-cli: the ComfyUI folder or the folder around it, with a `.venv` or `venv` in either."""
    workspace = workspace.expanduser().absolute()
    for folder in (workspace, workspace / "ComfyUI"):
        if (folder / "main.py").is_file():
            python = _own_python(folder) or _own_python(workspace)
            if python is None:
                raise SetupError(f"The workspace {workspace} has no .venv; set comfyui_folder and comfyui_python instead.")
            return comfyui(folder, Path(python), extra)
    raise SetupError(f"{workspace} is not a comfy-cli workspace: there is no ComfyUI in it. `comfy which` shows where it is.")


def _given_python(python: Path) -> str:
    path = python.expanduser().absolute()  # not resolved: a venv's Python is a link that must stay one
    if not path.is_file() or not os.access(path, os.X_OK):
        raise SetupError(f"comfyui_python is {python}, which cannot be run.")
    return str(path)


def _own_python(folder: Path) -> str | None:
    for name in (".venv", "venv"):
        python = folder / name / "bin" / "python"
        if os.access(python, os.X_OK):
            return str(python)
    return None


def _knows(folder: Path, flag: str) -> bool:
    """Whether this ComfyUI has a flag. Asking it would import PyTorch; its table of flags is one file."""
    table = folder / "comfy" / "cli_args.py"
    return table.is_file() and f'"{flag}"' in table.read_text(encoding="utf-8", errors="replace")


def _refuse_ours(extra: Sequence[str], setting: str) -> None:
    for argument in extra:
        if argument.partition("=")[0] in _OURS:
            raise SetupError(
                f"{setting} may not hold {argument}: an engine listens on this computer only, on a port that is chosen for it."
            )

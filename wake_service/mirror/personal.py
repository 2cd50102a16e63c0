"""An engine's list of nodes as one artist may see it: where it lists files that were uploaded, hers and nobody else's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Where the service puts files on an engine, for whoever needs them there.
OURS = "wakebrush"
_MODELS_3D = (".gltf", ".glb", ".obj", ".fbx", ".stl", ".ply", ".splat", ".ksplat", ".spz")


@dataclass(frozen=True, slots=True)
class Owned:
    """A file of an artist: `folder` is `input` or `output`, `name` has its subfolder before it (`3d/cup.glb`)."""

    folder: str
    name: str
    media_type: str


def with_files(object_info: Mapping[str, Any], files: Iterable[Owned]) -> dict[str, Any]:
    """The list of nodes whose inputs for uploads offer `files` and no others, as far as they are of the kind that each takes.

    Names of files that the service itself has put on the engine are nowhere in it. `object_info` is not changed; what is the
    same is shared.
    """
    mine = tuple(files)
    return {name: _node(node, mine) for name, node in object_info.items()}


def _node(node: Any, files: Sequence[Owned]) -> Any:
    sections = node.get("input") if isinstance(node, dict) else None
    if not isinstance(sections, dict):
        return node
    changed = {}
    for section, inputs in sections.items():
        if not isinstance(inputs, dict):
            continue
        hers = {name: spec for name, old in inputs.items() if (spec := _input(old, files)) is not old}
        if hers:
            changed[section] = {**inputs, **hers}
    return {**node, "input": {**sections, **changed}} if changed else node


def _input(spec: Any, files: Sequence[Owned]) -> Any:
    """`[[names], {options}]`, or `["COMBO", {"options": [names], …}]`."""
    if not isinstance(spec, list) or not spec:
        return spec
    options = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    listed = spec[0] if isinstance(spec[0], list) else options.get("options")
    if not isinstance(listed, list):
        return spec
    fits = next((fits for flag, fits in _FITS.items() if options.get(flag)), None)
    if fits is not None:
        folder = options.get("image_folder") or "input"
        mark = f" [{folder}]" if folder != "input" else ""
        names = [file.name + mark for file in files if file.folder == folder and fits(file)]
    else:
        names = [name for name in listed if not _is_ours(name)]
    return spec if names == listed else _rewritten(spec, options, names)


def _rewritten(spec: list[Any], options: dict[str, Any], names: list[Any]) -> list[Any]:
    kept = {name: value for name, value in options.items() if name != "default" or value in names}
    if isinstance(spec[0], list):
        return [names, kept, *spec[2:]] if len(spec) > 1 else [names]
    return [spec[0], {**kept, "options": names}, *spec[2:]]


def _is_ours(name: Any) -> bool:
    return isinstance(name, str) and (name == OURS or name.startswith((OURS + "/", OURS + "\\")))


def _is_image(file: Owned) -> bool:
    return file.media_type.startswith("image/") and "/" not in file.name


def _is_audio(file: Owned) -> bool:
    return file.media_type.startswith(("audio/", "video/")) and "/" not in file.name


def _is_video(file: Owned) -> bool:
    return file.media_type.startswith("video/") and "/" not in file.name


def _is_3d(file: Owned) -> bool:
    return file.name.startswith("3d/") and file.name.lower().endswith(_MODELS_3D)


#: What says that an input takes uploads → which files it lists (ComfyUI's own nodes list those of the folder itself only; models
#: in three dimensions are in its subfolder `3d`).
_FITS = {"image_upload": _is_image, "audio_upload": _is_audio, "video_upload": _is_video, "file_upload": _is_3d}

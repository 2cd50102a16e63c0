"""Names on the way to an engine and back: values in, values out.

On an engine everything of an artist lies below a folder of her own, so that those who share it cannot meet: results below
`wakebrush/FOLDER`, whose name nobody else knows; inputs as `wakebrush/CHECKSUM.EXTENSION`. Her client sees the names of her own
folders and nothing of that, except inside of pictures, whose embedded graph shows the folder.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from wake_service.comfy.catalogue import Catalogue
from wake_service.workflows import tooling
from wake_service.workflows.model import Graph, GraphRefused, flaw, node_flaw

#: The one folder of ours in an engine's input and output folders.
OURS = "wakebrush"
#: Inputs that name where results go.
PREFIX = "filename_prefix"
#: Classes that read a file of the input folder, for pools whose catalogue was never seen: class → input.
_LOADERS = {
    "LoadImage": "image",
    "LoadImageMask": "image",
    "LoadImageOutput": "image",
    "LoadAudio": "audio",
    "LoadVideo": "file",
    "Load3D": "model_file",
    "LoadLatent": "latent",
}
#: A file that a reference by id means (files/assets.py): nobody writes such a name by accident, so it is one in any input.
_APART = re.compile(r"assets/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")


def file_inputs(graph: Graph, catalogue: Catalogue | None) -> Iterator[tuple[str, str, str]]:
    """The inputs that name a file of the artist's folders: (node id, input, name as written)."""
    for node_id, node in graph.items():
        known = file_inputs_of(node["class_type"], catalogue)
        for name, value in node["inputs"].items():
            if isinstance(value, str) and (name in known or _APART.fullmatch(value)):
                yield node_id, name, value


def file_inputs_of(class_type: str, catalogue: Catalogue | None) -> list[str]:
    """The inputs of a class that name files, as far as is known."""
    known = catalogue.node(class_type) if catalogue is not None else None
    listed = [name for name, spec in known.inputs.items() if spec.uploads] if known is not None else []
    loader = _LOADERS.get(class_type)
    return list(dict.fromkeys([*listed, *([loader] if loader else [])]))


def input_name(sha256: str, name: str) -> str:
    """Under which name an engine gets an upload: same content, same name; the extension tells it the kind of file."""
    suffix = PurePosixPath(name.split(" [")[0]).suffix
    return sha256 + (suffix.lower() if _EXTENSION.fullmatch(suffix) else "")


def check_prefixes(graph: Graph) -> None:
    """Raises GraphRefused where results would go somewhere else than below their folder."""
    wrong = {}
    for node_id, node in graph.items():
        prefix = node["inputs"].get(PREFIX)
        if isinstance(prefix, str) and not _stays_below(prefix):
            told = flaw("custom_validation_failed", "Custom validation failed for node", _outside(prefix), input_name=PREFIX)
            wrong[node_id] = node_flaw(node["class_type"], told)
    if wrong:
        raise GraphRefused("prompt_outputs_failed_validation", "Prompt outputs failed validation", node_errors=wrong)


def _outside(prefix: str) -> str:
    return f"{PREFIX} - Saving outside the output folder is not allowed: {prefix[:200]}"


def _stays_below(prefix: str) -> bool:
    parts = prefix.replace("\\", "/").split("/")
    return not (prefix.startswith(("/", "\\", "~")) or ".." in parts or "\0" in prefix or re.match(r"[A-Za-z]:", prefix))


def for_engine(graph: Graph, folder: str, inputs: Mapping[str, str], catalogue: Catalogue | None) -> Graph:
    """The graph as an engine gets it: results go below `folder`, files have the names in `inputs` (hers → the engine's)."""
    rewritten = copy.copy(graph)
    for node_id, node in graph.items():
        prefix = node["inputs"].get(PREFIX)
        if isinstance(prefix, str):
            rewritten[node_id] = _with_input(node, PREFIX, f"{folder}/{prefix}")
    for node_id, name, value in file_inputs(graph, catalogue):
        if value in inputs:
            rewritten[node_id] = _with_input(rewritten[node_id], name, inputs[value])
    return tooling.with_images(rewritten, inputs)


def _with_input(node: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    return {**node, "inputs": {**node["inputs"], name: value}}


def subfolder_shown(subfolder: str, folder: str) -> str:
    """A result's subfolder without our folder in front."""
    below = subfolder.replace("\\", "/").strip("/")
    if below == folder:
        return ""
    return below.removeprefix(folder + "/")


def file_references(output: Any) -> Iterator[dict[str, Any]]:
    """What names a file in one node's output, as `executed` and the history tell it; the very objects, to be changed."""
    for items in output.values() if isinstance(output, dict) else ():
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and isinstance(item.get("filename"), str) and item.get("type") in FOLDERS:
                yield item


#: ComfyUI's folders of files.
FOLDERS = ("input", "output", "temp")


def map_outputs(outputs: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    """A copy of one node's output in which `change` was called for each file."""
    copied = copy.deepcopy(outputs)
    for item in file_references(copied):
        change(item)
    return copied

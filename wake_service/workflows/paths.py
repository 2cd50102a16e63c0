"""Which nodes of a graph could reach files that are not its artist's: those that take paths, addresses or bare lists of files.

An engine checks hardly any path that it is given (`folder_paths` joins what it is told), and one that several artists share has
all their files in the same three folders. Names of uploaded files, and the prefixes of saved ones, are rewritten on the way
there; what is left is told here by what the catalogue says of each input.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wake_service.comfy.catalogue import COMBO, Catalogue, InputSpec, NodeClass
from wake_service.workflows import tooling
from wake_service.workflows.model import GraphRefused, flaw, node_flaw

#: Words that name a place in a file system or on a network, alone (`video_path`) or at the end of a word (`savedir`).
_PLACES = (
    "path",
    "paths",
    "dir",
    "dirs",
    "directory",
    "folder",
    "folders",
    "file",
    "files",
    "filename",
    "url",
    "urls",
    "uri",
    "root",
)
_ENDINGS = ("path", "dir", "folder", "file", "filename", "url", "uri")
#: Words that end like one and name none.
_NO_PLACES = frozenset({"profile"})
#: Of an input whose list is empty on a new machine, these names say that files will be in it.
_MEDIA = frozenset({"image", "images", "mask", "video", "videos", "audio", "latent", "latents", "mesh"})
_MEDIA_FILE = re.compile(
    r"\.(png|jpe?g|webp|gif|bmp|tiff?|svg|exr|hdr|mp4|webm|mkv|mov|avi|wav|mp3|flac|ogg|opus|latent|glb|gltf|obj|ply|txt|json|pdf)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

#: Rewritten on the way to the engine wherever it stands.
_REWRITTEN = "filename_prefix"
#: Of ComfyUI's own nodes (0.3.64), what the rules below take for a place and is none: the first chooses among models, the others
#: hand a name to the page, which asks for it here.
_HARMLESS = frozenset({("DiffusersLoader", "model_path"), ("Preview3D", "model_file"), ("Preview3DAnimation", "model_file")})
#: Inputs for uploads, whose names are rewritten, where no catalogue tells that they are.
_UPLOADS = frozenset(
    {
        ("LoadVideo", "file"),
        ("LoadLatent", "latent"),
        ("Load3D", "model_file"),
        ("Load3DAnimation", "model_file"),
        (tooling.LOADER, tooling.LOADER_INPUT),
    }
)
#: And what the rules do not find: its file lies in everybody's output folder.
_HARMFUL = frozenset({("SaveLoRANode", "prefix"), ("SaveLoRA", "prefix")})


_TOLD = "Custom validation failed for node"


class PathInput(NamedTuple):
    """An input that may name what is not the artist's."""

    node_id: str
    class_type: str
    input: str


def forbidden_nodes(graph: Mapping[str, Any], catalogue: Catalogue | None, allowed: Collection[str]) -> list[PathInput]:
    """The inputs for which a shared machine refuses a graph, in its order; `allowed` names node classes that may have them.

    Where the catalogue does not know a class, or there is none yet, the inputs' names alone are judged. Raises nothing: what is
    no node is for others to refuse.
    """
    found = []
    for node_id, node in graph.items():
        class_type = node.get("class_type") if isinstance(node, Mapping) else None
        if isinstance(class_type, str) and class_type not in allowed:
            names = _reaching(class_type, node.get("inputs"), catalogue)
            found += [PathInput(node_id, class_type, name) for name in names]
    return found


def refused(reaching: Sequence[PathInput]) -> GraphRefused:
    """The refusal, in ComfyUI's own shape."""
    by_node: dict[str, list[PathInput]] = {}
    for each in reaching:
        by_node.setdefault(each.node_id, []).append(each)
    errors = {
        node_id: node_flaw(
            each[0].class_type, *(flaw("custom_validation_failed", _TOLD, _why(one), input_name=one.input) for one in each)
        )
        for node_id, each in by_node.items()
    }
    details = "\n".join(_why(each) for each in reaching)
    return GraphRefused("prompt_outputs_failed_validation", "Prompt outputs failed validation", details, errors)


def _why(each: PathInput) -> str:
    return (
        f"{each.input} - {each.class_type} can name files of other artists here, because several share a machine. "
        "Use a node that takes an upload, or ask your admin to allow this one (gateway_path_nodes)."
    )


def _reaching(class_type: str, inputs: Any, catalogue: Catalogue | None) -> Iterator[str]:
    known = catalogue.node(class_type) if catalogue else None
    for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
        if not isinstance(name, str) or (class_type, name) in _HARMLESS:
            continue
        if (class_type, name) in _HARMFUL or _reaches(class_type, name, known, value):
            yield name


def _reaches(class_type: str, name: str, known: NodeClass | None, value: Any) -> bool:
    spec = known.inputs.get(name) if known else None
    if name == _REWRITTEN:
        return isinstance(value, Mapping)  # `{"__value__": …}` is a text for ComfyUI, which was not looked at
    if (class_type, name) in _UPLOADS or (spec and spec.uploads):
        return not isinstance(value, str)  # another node says the name, or names are wrapped: nobody rewrites them
    if spec is None:
        return known is None and isinstance(value, str | Mapping) and _names_place(name)
    if spec.type == COMBO:
        return _names_place(name) or _lists_files(spec)
    return spec.type in ("STRING", "*") and _names_place(name)


def _lists_files(spec: InputSpec) -> bool:
    """Whether the choices are files of the input or output folder, which are everybody's."""
    if not spec.choices:
        return _MEDIA.issuperset(_words(spec.name))
    return any(isinstance(choice, str) and _MEDIA_FILE.search(choice) for choice in spec.choices)


def _names_place(name: str) -> bool:
    return any(word in _PLACES or (word.endswith(_ENDINGS) and word not in _NO_PLACES) for word in _words(name))


def _words(name: str) -> list[str]:
    """`imagePath`, `image_path`, `image path 2` → image, path."""
    return [word.lower() for word in _WORD.findall(name)]

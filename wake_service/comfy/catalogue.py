"""What an engine can do, read from its `/object_info`: node classes, their inputs, the models it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMBO = "COMBO"

#: Where an engine tells which model files it has: folder → the loader inputs that list them.
#: Folder names are those of ComfyUI's `models/` today (`unet` and `clip` are their older names).
MODEL_LISTS: dict[str, tuple[tuple[str, str], ...]] = {
    "checkpoints": (("CheckpointLoaderSimple", "ckpt_name"),),
    "loras": (("LoraLoader", "lora_name"), ("LoraLoaderModelOnly", "lora_name")),
    "vae": (("VAELoader", "vae_name"),),
    "diffusion_models": (("UNETLoader", "unet_name"),),
    "text_encoders": (("DualCLIPLoader", "clip_name1"), ("DualCLIPLoader", "clip_name2"), ("CLIPLoader", "clip_name")),
    "inpaint": (("INPAINT_LoadInpaintModel", "model_name"),),
}

#: Listed among the VAEs, but built in: no file stands behind it.
NOT_A_FILE = frozenset({"pixel_space"})


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a node class.

    `type` is ComfyUI's name (`INT`, `MODEL`, ...), `COMBO` for both ways of writing a list of choices.
    `choices` is None when the engine does not say them. `checked` is False where the engine itself
    judges the value (uploaded files, remote lists), so that the list here proves nothing. `uploads`: it names a file that
    clients send.
    """

    name: str
    type: str
    required: bool
    choices: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    checked: bool = True
    many: bool = False
    uploads: bool = False


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A node class: inputs by name (hidden ones, which the engine fills in, are left out), types of the outputs in order."""

    name: str
    inputs: Mapping[str, InputSpec]
    outputs: tuple[str, ...]
    is_output: bool


class Catalogue:
    """The node classes of one engine."""

    def __init__(self, classes: Mapping[str, NodeClass]) -> None:
        self._classes = dict(classes)
        self._made = {kind for node in self._classes.values() for kind in node.outputs}

    @classmethod
    def parse(cls, object_info: Mapping[str, Any]) -> Catalogue:
        """Reads an answer of `/object_info`. What it does not understand it leaves out; it raises nothing."""
        return cls({name: _node_class(name, entry) for name, entry in object_info.items() if isinstance(entry, Mapping)})

    def has(self, class_name: str) -> bool:
        """Whether the engine knows this node class."""
        return class_name in self._classes

    def node(self, class_name: str) -> NodeClass | None:
        """The node class of this name, None when the engine lacks it."""
        return self._classes.get(class_name)

    def makes(self, type_name: str) -> bool:
        """Whether some node makes values of this type, so that an input of it is meant to be linked."""
        return type_name in self._made

    def choices(self, class_name: str, input_name: str) -> tuple[Any, ...]:
        """What may be chosen for an input; empty when class or input are unknown or it is no list."""
        found = self._classes.get(class_name)
        spec = found.inputs.get(input_name) if found else None
        return spec.choices or () if spec else ()

    def models(self) -> dict[str, list[str]]:
        """Model files by folder, in the engine's order, without doubles. Every folder of `MODEL_LISTS` is there."""
        return {folder: self._listed(lists) for folder, lists in MODEL_LISTS.items()}

    def _listed(self, lists: tuple[tuple[str, str], ...]) -> list[str]:
        names = (name for class_name, input_name in lists for name in self.choices(class_name, input_name))
        return list(dict.fromkeys(name for name in names if isinstance(name, str) and name not in NOT_A_FILE))


def _node_class(name: str, entry: Mapping[str, Any]) -> NodeClass:
    sections = _mapping(entry.get("input"))
    inputs: dict[str, InputSpec] = {}
    for section in ("required", "optional"):
        for input_name, written in _mapping(sections.get(section)).items():
            spec = _input(input_name, written, required=section == "required")
            if spec:
                inputs[input_name] = spec
    return NodeClass(name, inputs, _outputs(entry.get("output")), is_output=bool(entry.get("output_node")))


def _input(name: str, written: Any, *, required: bool) -> InputSpec | None:
    """`[type]` or `[type, options]`, where the type is a name or, in the older form of a combo, the list of choices itself."""
    if not isinstance(written, list | tuple) or not written:
        return None
    kind = written[0]
    options = _mapping(written[1]) if len(written) > 1 else {}
    choices: tuple[Any, ...] | None
    if isinstance(kind, list | tuple):
        kind, choices = COMBO, tuple(kind)
    elif isinstance(kind, str):
        listed = options.get("options")
        choices = tuple(listed) if kind == COMBO and isinstance(listed, list | tuple) else None
    else:
        return None
    return InputSpec(
        name=name,
        type=kind,
        required=required,
        choices=choices,
        minimum=_number(options.get("min")),
        maximum=_number(options.get("max")),
        checked=not any(options.get(key) for key in _JUDGED_BY_ENGINE),
        many=bool(options.get("multiselect")),
        uploads=any(options.get(key) for key in _UPLOADS),
    )


_UPLOADS = ("image_upload", "audio_upload", "video_upload", "file_upload", "image_folder")
_JUDGED_BY_ENGINE = (*_UPLOADS, "remote", "remote_combo")


def _outputs(written: Any) -> tuple[str, ...]:
    """Types of the outputs; one that is itself a list of choices counts as a combo."""
    if not isinstance(written, list | tuple):
        return ()
    return tuple(kind if isinstance(kind, str) else COMBO for kind in written)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    """Kept as it is, because 2⁶⁴−1, the largest seed, is no exact float."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None

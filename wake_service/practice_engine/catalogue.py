"""Which nodes exist and what they take: ComfyUI's `object_info`, for the nodes that the practice engine can carry out.

Names, order, ranges and defaults of inputs are those of ComfyUI 0.3.64 (checked by a test against its recorded answer);
the model lists are the practice engine's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from . import models

Spec: TypeAlias = tuple[Any, ...]
"""One input as on the wire: `("INT", {"min": 0, ...})` or `(["a", "b"], {...})`."""


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One node class. `outputs` are (type, name) pairs; `hidden` are inputs that the engine fills in itself."""

    name: str
    title: str
    category: str
    description: str
    required: Mapping[str, Spec]
    outputs: tuple[tuple[str, str], ...] = ()
    optional: Mapping[str, Spec] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    output_node: bool = False
    module: str = "nodes"
    aliases: tuple[str, ...] = ()
    always_new: bool = False

    def inputs(self) -> dict[str, tuple[Spec, bool]]:
        """Input name → (spec, whether it is required), in ComfyUI's order."""
        required = {name: (spec, True) for name, spec in self.required.items()}
        return required | {name: (spec, False) for name, spec in self.optional.items()}

    def info(self) -> dict[str, Any]:
        """The node's part of `object_info`."""
        groups: dict[str, Mapping[str, Any]] = {"required": self.required}
        if self.optional:
            groups["optional"] = self.optional
        if self.hidden:
            groups["hidden"] = self.hidden
        return {
            "input": groups,
            "input_order": {group: list(names) for group, names in groups.items()},
            "is_input_list": False,
            "output": [kind for kind, _ in self.outputs],
            "output_is_list": [False] * len(self.outputs),
            "output_name": [name for _, name in self.outputs],
            "name": self.name,
            "display_name": self.title,
            "description": self.description,
            "python_module": self.module,
            "category": self.category,
            "output_node": self.output_node,
            "has_intermediate_output": False,
            "search_aliases": list(self.aliases),
        }


MAX_SIDE = 16384
SAMPLERS = [
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2", "dpm_2", "dpm_2_ancestral",
    "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_sde", "dpmpp_sde_gpu",
    "dpmpp_2m", "dpmpp_2m_cfg_pp", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu",
    "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm", "lcm", "ipndm", "ipndm_v", "deis", "res_multistep", "res_multistep_cfg_pp",
    "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp", "gradient_estimation", "gradient_estimation_cfg_pp",
    "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece", "ddim", "uni_pc", "uni_pc_bh2",
]  # fmt: skip
SCHEDULERS = [
    "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic", "kl_optimal",
]  # fmt: skip
UPSCALE_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
CLIP_TYPES = [
    "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart", "cosmos", "lumina2", "wan",
    "hidream", "chroma", "ace", "omnigen2", "qwen_image", "hunyuan_image",
]  # fmt: skip
DUAL_CLIP_TYPES = ["sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image"]
SAVE_HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def _link(kind: str) -> Spec:
    return (kind, {})


def _choice(options: list[str] | tuple[str, ...], **extra: Any) -> Spec:
    return (list(options), extra)


def _int(default: int, low: int, high: int, **extra: Any) -> Spec:
    return ("INT", {"default": default, "min": low, "max": high, **extra})


def _float(default: float, low: float, high: float, step: float, **extra: Any) -> Spec:
    return ("FLOAT", {"default": default, "min": low, "max": high, "step": step, **extra})


def _tiles(step: int) -> dict[str, Spec]:
    """Sizes of the tiles that a VAE works on; `step` of their side differs between encoding and decoding."""
    return {
        "tile_size": _int(512, 64, 4096, step=step),
        "overlap": _int(64, 0, 4096, step=32),
        "temporal_size": _int(64, 8, 4096, step=4),
        "temporal_overlap": _int(8, 4, 4096, step=4),
    }


LOADERS = [
    NodeClass(
        "CheckpointLoaderSimple", "Load Checkpoint", "loaders", "Takes up one of the practice engine's ways of sketching.",
        {"ckpt_name": _choice(models.CHECKPOINTS)},
        (("MODEL", "MODEL"), ("CLIP", "CLIP"), ("VAE", "VAE")),
        aliases=("load model", "checkpoint", "model loader"),
    ),
    NodeClass(
        "LoraLoader", "Load LoRA", "loaders", "Changes how the sketch looks; several can be chained.",
        {
            "model": _link("MODEL"), "clip": _link("CLIP"), "lora_name": _choice(models.LORAS),
            "strength_model": _float(1.0, -100.0, 100.0, 0.01), "strength_clip": _float(1.0, -100.0, 100.0, 0.01),
        },
        (("MODEL", "MODEL"), ("CLIP", "CLIP")),
        aliases=("lora", "load lora"),
    ),
    NodeClass(
        "UNETLoader", "Load Diffusion Model", "advanced/loaders", "Takes up a way of sketching without text encoder and VAE.",
        {"unet_name": _choice(models.UNETS), "weight_dtype": _choice(["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"])},
        (("MODEL", "MODEL"),),
    ),
    NodeClass(
        "CLIPLoader", "Load CLIP", "advanced/loaders", "Stands for one text encoder.",
        {"clip_name": _choice(models.TEXT_ENCODERS), "type": _choice(CLIP_TYPES)},
        (("CLIP", "CLIP"),),
        optional={"device": _choice(["default", "cpu"], advanced=True)},
    ),
    NodeClass(
        "DualCLIPLoader", "DualCLIPLoader", "advanced/loaders", "Stands for two text encoders.",
        {
            "clip_name1": _choice(models.TEXT_ENCODERS), "clip_name2": _choice(models.TEXT_ENCODERS),
            "type": _choice(DUAL_CLIP_TYPES),
        },
        (("CLIP", "CLIP"),),
        optional={"device": _choice(["default", "cpu"], advanced=True)},
    ),
    NodeClass(
        "VAELoader", "Load VAE", "loaders", "Stands for a VAE.",
        {"vae_name": _choice((*models.VAES, "pixel_space"))},
        (("VAE", "VAE"),),
    ),
]  # fmt: skip

CONDITIONING = [
    NodeClass(
        "CLIPTextEncode", "CLIP Text Encode (Prompt)", "conditioning", "Reads the prompt's words.",
        {"text": ("STRING", {"multiline": True, "dynamicPrompts": True}), "clip": _link("CLIP")},
        (("CONDITIONING", "CONDITIONING"),),
        aliases=("text", "prompt", "text prompt", "positive prompt", "negative prompt"),
    ),
    NodeClass(
        "FluxGuidance", "FluxGuidance", "advanced/conditioning/flux", "How strongly the colours follow the prompt.",
        {"conditioning": _link("CONDITIONING"), "guidance": _float(3.5, 0.0, 100.0, 0.1)},
        (("CONDITIONING", "CONDITIONING"),),
        module="comfy_extras.nodes_flux",
    ),
    NodeClass(
        "ConditioningZeroOut", "ConditioningZeroOut", "advanced/conditioning", "Forgets the prompt's words.",
        {"conditioning": _link("CONDITIONING")},
        (("CONDITIONING", "CONDITIONING"),),
    ),
    NodeClass(
        "InpaintModelConditioning", "InpaintModelConditioning", "conditioning/inpaint", "Keeps what is around the mask in view.",
        {
            "positive": _link("CONDITIONING"), "negative": _link("CONDITIONING"), "vae": _link("VAE"), "pixels": _link("IMAGE"),
            "mask": _link("MASK"), "noise_mask": ("BOOLEAN", {"default": True}),
        },
        (("CONDITIONING", "positive"), ("CONDITIONING", "negative"), ("LATENT", "latent")),
    ),
]  # fmt: skip

LATENTS = [
    NodeClass(
        "EmptyLatentImage", "Empty Latent Image", "latent", "Blank sheets to sketch on.",
        {
            "width": _int(512, 16, MAX_SIDE, step=8), "height": _int(512, 16, MAX_SIDE, step=8), "batch_size": _int(1, 1, 4096),
        },
        (("LATENT", "LATENT"),),
        aliases=("empty", "empty latent", "new latent", "create latent", "blank latent", "blank"),
    ),
    NodeClass(
        "EmptySD3LatentImage", "EmptySD3LatentImage", "latent/sd3", "Blank sheets to sketch on, in steps of 16 pixels.",
        {
            "width": _int(1024, 16, MAX_SIDE, step=16), "height": _int(1024, 16, MAX_SIDE, step=16),
            "batch_size": _int(1, 1, 4096),
        },
        (("LATENT", "LATENT"),),
        module="comfy_extras.nodes_sd3",
    ),
    NodeClass(
        "VAEEncode", "VAE Encode", "latent", "A picture as something to sketch over.",
        {"pixels": _link("IMAGE"), "vae": _link("VAE")},
        (("LATENT", "LATENT"),),
        aliases=("encode", "encode image", "image to latent"),
    ),
    NodeClass(
        "VAEDecode", "VAE Decode", "latent", "The sketch as a picture.",
        {"samples": _link("LATENT"), "vae": _link("VAE")},
        (("IMAGE", "IMAGE"),),
        aliases=("decode", "decode latent", "latent to image", "render latent"),
    ),
    NodeClass(
        "VAEEncodeTiled", "VAE Encode (Tiled)", "_for_testing", "A picture as something to sketch over, with less memory.",
        {"pixels": _link("IMAGE"), "vae": _link("VAE"), **_tiles(64)},
        (("LATENT", "LATENT"),),
    ),
    NodeClass(
        "VAEDecodeTiled", "VAE Decode (Tiled)", "_for_testing", "The sketch as a picture, with less memory.",
        {"samples": _link("LATENT"), "vae": _link("VAE"), **_tiles(32)},
        (("IMAGE", "IMAGE"),),
    ),
    NodeClass(
        "VAEEncodeForInpaint", "VAE Encode (for Inpainting)", "latent/inpaint", "A picture with a blank where the mask is.",
        {
            "pixels": _link("IMAGE"), "vae": _link("VAE"), "mask": _link("MASK"), "grow_mask_by": _int(6, 0, 64, step=1),
        },
        (("LATENT", "LATENT"),),
    ),
    NodeClass(
        "SetLatentNoiseMask", "Set Latent Noise Mask", "latent/inpaint", "Only where the mask is white will be sketched.",
        {"samples": _link("LATENT"), "mask": _link("MASK")},
        (("LATENT", "LATENT"),),
    ),
    NodeClass(
        "KSampler", "KSampler", "sampling", "Sketches step by step.",
        {
            "model": _link("MODEL"), "seed": _int(0, 0, 2**64 - 1, control_after_generate=True), "steps": _int(20, 1, 10000),
            "cfg": _float(8.0, 0.0, 100.0, 0.1, round=0.01), "sampler_name": _choice(SAMPLERS), "scheduler": _choice(SCHEDULERS),
            "positive": _link("CONDITIONING"), "negative": _link("CONDITIONING"), "latent_image": _link("LATENT"),
            "denoise": _float(1.0, 0.0, 1.0, 0.01),
        },
        (("LATENT", "LATENT"),),
        aliases=("sampler", "sample", "generate", "denoise", "diffuse", "txt2img", "img2img"),
    ),
]  # fmt: skip

PICTURES = [
    NodeClass(
        "ImageScale", "Upscale Image", "image/upscaling", "A picture at another size; 0 keeps the proportions.",
        {
            "image": _link("IMAGE"), "upscale_method": _choice(UPSCALE_METHODS), "width": _int(512, 0, MAX_SIDE, step=1),
            "height": _int(512, 0, MAX_SIDE, step=1), "crop": _choice(["disabled", "center"]),
        },
        (("IMAGE", "IMAGE"),),
        aliases=("resize", "resize image", "scale image", "image resize", "zoom", "zoom in", "change size"),
    ),
    NodeClass(
        "ImageScaleBy", "Upscale Image By", "image/upscaling", "A picture larger or smaller by a factor.",
        {"image": _link("IMAGE"), "upscale_method": _choice(UPSCALE_METHODS), "scale_by": _float(1.0, 0.01, 8.0, 0.01)},
        (("IMAGE", "IMAGE"),),
    ),
    NodeClass(
        "ImageCompositeMasked", "ImageCompositeMasked", "image", "One picture laid over another, where a mask is white.",
        {
            "destination": _link("IMAGE"), "source": _link("IMAGE"), "x": _int(0, 0, MAX_SIDE, step=1),
            "y": _int(0, 0, MAX_SIDE, step=1), "resize_source": ("BOOLEAN", {"default": False}),
        },
        (("IMAGE", "IMAGE"),),
        optional={"mask": _link("MASK")},
        module="comfy_extras.nodes_mask",
    ),
    NodeClass(
        "ImageInvert", "Invert Image", "image", "The negative of a picture.",
        {"image": _link("IMAGE")},
        (("IMAGE", "IMAGE"),),
        aliases=("reverse colors",),
    ),
    NodeClass(
        "EmptyImage", "EmptyImage", "image", "Pictures of one colour.",
        {
            "width": _int(512, 1, MAX_SIDE, step=1), "height": _int(512, 1, MAX_SIDE, step=1), "batch_size": _int(1, 1, 4096),
            "color": _int(0, 0, 0xFFFFFF, step=1, display="color"),
        },
        (("IMAGE", "IMAGE"),),
    ),
    NodeClass(
        "ImageToMask", "Convert Image to Mask", "mask", "One channel of a picture as a mask.",
        {"image": _link("IMAGE"), "channel": _choice(["red", "green", "blue", "alpha"])},
        (("MASK", "MASK"),),
        module="comfy_extras.nodes_mask",
    ),
    NodeClass(
        "MaskToImage", "Convert Mask to Image", "mask", "A mask as a grey picture.",
        {"mask": _link("MASK")},
        (("IMAGE", "IMAGE"),),
        module="comfy_extras.nodes_mask",
    ),
    NodeClass(
        "SaveImage", "Save Image", "image", "Writes pictures into the output folder.",
        {"images": _link("IMAGE"), "filename_prefix": ("STRING", {"default": "ComfyUI"})},
        hidden=SAVE_HIDDEN, output_node=True, aliases=("save", "save image", "export image", "output image", "write image"),
    ),
    NodeClass(
        "PreviewImage", "Preview Image", "image", "Writes pictures into the temp folder.",
        {"images": _link("IMAGE")},
        hidden=SAVE_HIDDEN, output_node=True, aliases=("preview", "preview image", "show image", "view image", "display image"),
    ),
    NodeClass(
        "SaveImageWebsocket", "SaveImageWebsocket", "api/image", "Sends pictures over the WebSocket and keeps none.",
        {"images": _link("IMAGE")},
        output_node=True, module="custom_nodes.websocket_image_save", always_new=True,
    ),
]  # fmt: skip

#: As the node pack comfyui-inpaint-nodes has them; its other nodes are not imitated.
INPAINT = [
    NodeClass(
        "INPAINT_LoadInpaintModel", "Load Inpaint Model", "inpaint", "Takes up a way of filling holes.",
        {"model_name": _choice(models.FILLERS)},
        (("INPAINT_MODEL", "INPAINT_MODEL"),),
        module="custom_nodes.comfyui-inpaint-nodes",
    ),
    NodeClass(
        "INPAINT_InpaintWithModel", "Inpaint (using Model)", "inpaint", "Fills a hole with the colours around it.",
        {
            "inpaint_model": _link("INPAINT_MODEL"), "image": _link("IMAGE"), "mask": _link("MASK"),
            "seed": _int(0, 0, 2**64 - 1),
        },
        (("IMAGE", "IMAGE"),),
        module="custom_nodes.comfyui-inpaint-nodes",
    ),
]  # fmt: skip

LOAD_IMAGE = NodeClass(
    "LoadImage", "Load Image", "image", "A picture of the input folder; its mask is 1 where it is clear.",
    {"image": _choice([], image_upload=True)},
    (("IMAGE", "IMAGE"), ("MASK", "MASK")),
    aliases=("load image", "open image", "import image", "image input", "upload image", "read image"),
)  # fmt: skip
LOAD_MASK = NodeClass(
    "LoadImageMask", "Load Image (as Mask)", "mask", "One channel of a picture from the input folder.",
    {"image": _choice([], image_upload=True), "channel": _choice(["alpha", "red", "green", "blue"])},
    (("MASK", "MASK"),),
    aliases=("import mask", "alpha mask", "channel mask"),
)  # fmt: skip

NODES = {node.name: node for node in (*LOADERS, *CONDITIONING, *LATENTS, *PICTURES, *INPAINT, LOAD_IMAGE, LOAD_MASK)}


class Catalogue:
    """All node classes, `more` being those of node packs.

    Only a description lists the input folder's files; checks look for the one file instead.
    """

    def __init__(self, input_images: Callable[[], list[str]], more: Mapping[str, NodeClass] = MappingProxyType({})) -> None:
        self._input_images = input_images
        self._nodes = {**NODES, **more}

    def names(self) -> list[str]:
        """Every class there is."""
        return list(self._nodes)

    def get(self, name: object) -> NodeClass | None:
        """The class of that name, or None."""
        return self._nodes.get(name) if isinstance(name, str) else None

    def describe(self, name: str) -> dict[str, Any] | None:
        """A class's part of `object_info`, or None when there is no such class."""
        node = self._nodes.get(name)
        if node in (LOAD_IMAGE, LOAD_MASK):
            assert node is not None
            node = replace(node, required={**node.required, "image": _choice(self._input_images(), image_upload=True)})
        return node.info() if node else None

"""From one picture's request to a ComfyUI graph.

The graph in one line: model → texts → latent (empty, or from the image and mask) → sampler → decode → save.
It ends in `SaveImage`, on the engine's own disk, so that a finished picture outlives a broken connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from wake_service.errors import SetupError

from .catalogue import Catalogue
from .request import Base, Mode, PictureRequest, Style
from .workflow import Output, Workflow, WorkflowBuilder

#: Pixels per side that one latent cell or, for FLUX, one patch of two cells covers; sizes are made a multiple of it.
GRAIN = {Base.SD15: 8, Base.SDXL: 8, Base.FLUX: 16}

#: KSampler lays out steps / denoise steps and runs the last ones: below this the layout only gets longer.
SMALLEST_DENOISE = 0.01

#: FLUX is distilled for its own guidance (the node FluxGuidance); classifier-free guidance stays off.
FLUX_CFG = 1.0

#: A frugal graph's VAE works on tiles of 512 pixels, overlapping by 64: ComfyUI's own sizes where it falls back to tiles.
_TILES = {"tile_size": 512, "overlap": 64, "temporal_size": 64, "temporal_overlap": 8}
#: A frugal graph holds FLUX's weights in 8 bits instead of 16.
_SMALL_WEIGHTS = "fp8_e4m3fn"


@dataclass(frozen=True, slots=True)
class _Parts:
    """What every later step of a graph needs from the first ones."""

    model: Output
    vae: Output
    positive: Output
    negative: Output


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the sampler starts, with the conditioning that belongs to it."""

    model: Output
    positive: Output
    negative: Output
    latent: Output


def build(request: PictureRequest, catalogue: Catalogue | None = None) -> Workflow:
    """The graph for one picture of exactly `request.width` × `request.height` pixels.

    `catalogue` lets it use nodes that not every engine has; without one, the plain nodes are used.
    A frugal one has the same size, seed and steps, and holds less in memory at once.
    Raises SetupError when the style lacks a file its base needs, ValueError when the mode's image or mask is missing.
    """
    graph = WorkflowBuilder()
    width, height = _aligned(request)
    parts = _parts(graph, request, catalogue)
    start = _start(graph, request, parts, (width, height), catalogue)
    style = request.style
    latent = graph.add(
        "KSampler",
        model=start.model,
        seed=request.seed,
        steps=style.steps,
        cfg=FLUX_CFG if style.base is Base.FLUX else style.cfg,
        sampler_name=style.sampler,
        scheduler=style.scheduler,
        positive=start.positive,
        negative=start.negative,
        latent_image=start.latent,
        denoise=1.0 if request.mode is Mode.TEXT_TO_IMAGE else max(request.strength, SMALLEST_DENOISE),
    )
    picture = _decoded(graph, request, latent, parts.vae, catalogue)
    if (width, height) != (request.width, request.height):
        picture = _scaled(graph, picture, request.width, request.height)
    return graph.finish(graph.add("SaveImage", images=picture, filename_prefix=request.filename_prefix))


def _aligned(request: PictureRequest) -> tuple[int, int]:
    """The size to paint at: the asked size, rounded up to the model's grain (at most 15 pixels more)."""
    grain = GRAIN[request.style.base]
    return -(-request.width // grain) * grain, -(-request.height // grain) * grain


def _tiled(request: PictureRequest, node: str, catalogue: Catalogue | None) -> bool:
    """Whether this node, which works in tiles, is to be used."""
    return request.frugal and (catalogue is None or catalogue.has(node))


def _decoded(graph: WorkflowBuilder, request: PictureRequest, latent: Output, vae: Output, catalogue: Catalogue | None) -> Output:
    if _tiled(request, "VAEDecodeTiled", catalogue):
        return graph.add("VAEDecodeTiled", samples=latent, vae=vae, **_TILES)
    return graph.add("VAEDecode", samples=latent, vae=vae)


def _encoded(graph: WorkflowBuilder, request: PictureRequest, pixels: Output, vae: Output, catalogue: Catalogue | None) -> Output:
    if _tiled(request, "VAEEncodeTiled", catalogue):
        return graph.add("VAEEncodeTiled", pixels=pixels, vae=vae, **_TILES)
    return graph.add("VAEEncode", pixels=pixels, vae=vae)


def _parts(graph: WorkflowBuilder, request: PictureRequest, catalogue: Catalogue | None) -> _Parts:
    style = request.style
    if style.checkpoint or style.base is not Base.FLUX:
        model, clip, vae = _checkpoint(graph, style)
    else:
        model, clip, vae = _flux_files(graph, style, _weights(request, catalogue))
    for lora in style.loras:
        model = graph.add(
            "LoraLoader", model=model, clip=clip, lora_name=lora.name, strength_model=lora.strength, strength_clip=lora.strength
        )
        clip = model.slot_at(1)
    positive = graph.add("CLIPTextEncode", clip=clip, text=positive_text(request))
    if style.base is Base.FLUX:
        # Without classifier-free guidance the sampler never reads the negative side: any conditioning does.
        return _Parts(model, vae, graph.add("FluxGuidance", conditioning=positive, guidance=style.guidance), positive)
    return _Parts(model, vae, positive, graph.add("CLIPTextEncode", clip=clip, text=negative_text(request)))


def _checkpoint(graph: WorkflowBuilder, style: Style) -> tuple[Output, Output, Output]:
    """Model, text encoder and VAE from one file; the VAE from its own file when the style names one."""
    model = graph.add("CheckpointLoaderSimple", ckpt_name=_needed(style, style.checkpoint, "checkpoint"))
    vae = graph.add("VAELoader", vae_name=style.vae) if style.vae else model.slot_at(2)
    return model, model.slot_at(1), vae


def _weights(request: PictureRequest, catalogue: Catalogue | None) -> str:
    """How UNETLoader is to hold weights in memory."""
    offered = catalogue is None or _SMALL_WEIGHTS in catalogue.choices("UNETLoader", "weight_dtype")
    return _SMALL_WEIGHTS if request.frugal and offered else "default"


def _flux_files(graph: WorkflowBuilder, style: Style, weights: str) -> tuple[Output, Output, Output]:
    """Model, text encoders and VAE, each from its own file."""
    if len(style.text_encoders) != 2:
        raise SetupError(
            f"The style “{style.name}” needs two text encoders (CLIP-L and T5); it names {len(style.text_encoders)}."
        )
    first, second = style.text_encoders
    return (
        graph.add("UNETLoader", unet_name=_needed(style, style.unet, "unet"), weight_dtype=weights),
        graph.add("DualCLIPLoader", clip_name1=first, clip_name2=second, type="flux"),
        graph.add("VAELoader", vae_name=_needed(style, style.vae, "vae")),
    )


def _needed(style: Style, name: str | None, member: str) -> str:
    if not name:
        raise SetupError(f"The style “{style.name}” names no {member}, which its base {style.base} needs.")
    return name


def positive_text(request: PictureRequest) -> str:
    """The prompt within the style's template. A template without a place for the prompt follows it."""
    template = request.style.prompt_template
    if "{prompt}" in template:
        return template.replace("{prompt}", request.prompt).strip(" ,")
    return _joined(request.prompt, template)


def negative_text(request: PictureRequest) -> str:
    """What the artist does not want, then what the style never wants."""
    return _joined(request.negative_prompt, request.style.negative_prompt)


def _joined(*texts: str) -> str:
    return ", ".join(text.strip(" ,") for text in texts if text.strip(" ,"))


def _start(
    graph: WorkflowBuilder, request: PictureRequest, parts: _Parts, size: tuple[int, int], catalogue: Catalogue | None
) -> _Start:
    if request.mode is Mode.TEXT_TO_IMAGE:
        return _Start(parts.model, parts.positive, parts.negative, _empty(graph, request.style.base, size))
    if not request.image:
        raise ValueError(f"{request.mode} needs an image")
    pixels = _scaled(graph, graph.add("LoadImage", image=request.image), *size)
    if request.mode is Mode.IMAGE_TO_IMAGE:
        latent = _encoded(graph, request, pixels, parts.vae, catalogue)
        return _Start(parts.model, parts.positive, parts.negative, latent)
    if not request.mask:
        raise ValueError(f"{request.mode} needs a mask")
    return _masked(graph, request, parts, pixels, _mask(graph, request.mask, size), catalogue)


def _empty(graph: WorkflowBuilder, base: Base, size: tuple[int, int]) -> Output:
    node = "EmptySD3LatentImage" if base is Base.FLUX else "EmptyLatentImage"
    return graph.add(node, width=size[0], height=size[1], batch_size=1)


def _scaled(graph: WorkflowBuilder, image: Output, width: int, height: int, method: str = "lanczos") -> Output:
    return graph.add("ImageScale", image=image, upscale_method=method, width=width, height=height, crop="disabled")


def _mask(graph: WorkflowBuilder, name: str, size: tuple[int, int]) -> Output:
    """The mask at the size of the picture. Linear, because sharper filters overshoot: black would not stay black."""
    mask = graph.add("LoadImageMask", image=name, channel="red")
    image = _scaled(graph, graph.add("MaskToImage", mask=mask), *size, method="bilinear")
    return graph.add("ImageToMask", image=image, channel="red")


def _masked(
    graph: WorkflowBuilder, request: PictureRequest, parts: _Parts, pixels: Output, mask: Output, catalogue: Catalogue | None
) -> _Start:
    """Paints where the mask is white; what is black steers the picture and stays.

    Below strength 1 the image's own latent is the start, under a noise mask. At strength 1 the same latent is
    used, through InpaintModelConditioning, rather than VAEEncodeForInpaint: that one paints the hole grey before
    encoding, and with ordinary checkpoints, whose noisiest step still shows a trace of the start, the grey comes
    through as a flat, pale fill. The trace of what was there gives light and palette instead. A checkpoint made
    for inpainting also finds the masked image it was trained with.

    InpaintModelConditioning encodes in one piece, so a frugal picture goes without it.

    The kept pixels are not pasted back: they carry the VAE's drift, by which whoever lays the picture over the
    original can match it.
    """
    model = parts.model
    if catalogue and catalogue.has("DifferentialDiffusion"):
        # Soft parts of the mask change later and less, instead of being mixed from old and new at every step.
        model = graph.add("DifferentialDiffusion", model=model)
    in_one_piece = not _tiled(request, "VAEEncodeTiled", catalogue)
    conditioning = in_one_piece and (catalogue is None or catalogue.has("InpaintModelConditioning"))
    if request.strength < 1.0 or not conditioning:
        encoded = _encoded(graph, request, pixels, parts.vae, catalogue)
        latent = graph.add("SetLatentNoiseMask", samples=encoded, mask=mask)
        return _Start(model, parts.positive, parts.negative, latent)
    conditioned = graph.add(
        "InpaintModelConditioning",
        positive=parts.positive,
        negative=parts.negative,
        vae=parts.vae,
        pixels=pixels,
        mask=mask,
        noise_mask=True,
    )
    return _Start(model, conditioned, conditioned.slot_at(1), conditioned.slot_at(2))

"""From one picture's request to a ComfyUI graph.

The graph in one line: model → texts → latent (empty, or from the image and mask) → sampler → decode → save.
Above the size that its model was trained on a picture may take two passes: painted small, enlarged, sampled again.
It ends in `SaveImage`, on the engine's own disk, so that a finished picture outlives a broken connection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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

#: How much the second pass changes what the first has painted and an enlargement has made soft: enough to give it detail, too
#: little to paint a second head (users of such passes settle between 0.3 and 0.5).
SECOND_DENOISE = 0.4
#: Of a schedule's steps the second pass runs the share that it changes, and at least so many.
_FEWEST_STEPS = 4

#: Of the node pack comfyui-inpaint-nodes: loads a small model (LaMa, MAT) that fills holes, and fills one.
FILL_LOADER, FILL_NODE = "INPAINT_LoadInpaintModel", "INPAINT_InpaintWithModel"

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
class _Sources:
    """What the artist sent, as it is: pictures at their own size. The mask is one, too."""

    image: Output | None = None
    mask: Output | None = None


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
    return _Drawing(request, catalogue).workflow()


def second_pass(steps: int, denoise: float) -> tuple[float, int]:
    """How much the second pass changes, and its steps, given those of the first."""
    denoise = min(SECOND_DENOISE, denoise)
    return denoise, min(steps, max(_FEWEST_STEPS, math.ceil(steps * denoise)))


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


def _aligned(size: tuple[int, int], base: Base) -> tuple[int, int]:
    """The size to paint at: the asked size, rounded up to the model's grain (at most 15 pixels more)."""
    grain = GRAIN[base]
    return -(-size[0] // grain) * grain, -(-size[1] // grain) * grain


def _needed(style: Style, name: str | None, member: str) -> str:
    if not name:
        raise SetupError(f"The style “{style.name}” names no {member}, which its base {style.base} needs.")
    return name


class _Drawing:
    """One graph under construction."""

    def __init__(self, request: PictureRequest, catalogue: Catalogue | None) -> None:
        self._request = request
        self._catalogue = catalogue
        self._graph = WorkflowBuilder()

    def workflow(self) -> Workflow:
        """All of it."""
        request, base = self._request, self._request.style.base
        asked = (request.width, request.height)
        size = _aligned(asked, base)
        parts, sources = self._parts(), self._sources()
        small = _aligned(request.first_pass, base) if request.first_pass else size
        start = self._start(parts, sources, small)
        picture = self._decoded(self._sampled(start, self._denoise(), request.style.steps), parts.vae)
        if small != size:
            picture = self._second_pass(replace(parts, model=start.model), sources, picture, size)
        if size != asked:
            picture = self._scaled(picture, asked)
        return self._graph.finish(self._graph.add("SaveImage", images=picture, filename_prefix=request.filename_prefix))

    def _denoise(self) -> float:
        return 1.0 if self._request.mode is Mode.TEXT_TO_IMAGE else max(self._request.strength, SMALLEST_DENOISE)

    def _sampled(self, start: _Start, denoise: float, steps: int) -> Output:
        style = self._request.style
        return self._graph.add(
            "KSampler",
            model=start.model,
            seed=self._request.seed,
            steps=steps,
            cfg=FLUX_CFG if style.base is Base.FLUX else style.cfg,
            sampler_name=style.sampler,
            scheduler=style.scheduler,
            positive=start.positive,
            negative=start.negative,
            latent_image=start.latent,
            denoise=denoise,
        )

    def _second_pass(self, parts: _Parts, sources: _Sources, picture: Output, size: tuple[int, int]) -> Output:
        """The picture of the first pass at the full size, with the detail that this size has room for.

        It is enlarged as a picture, not as a latent: an enlarged latent is soft or torn unless it is changed a lot more. What a
        mask keeps comes from what the artist sent, at full size: that, not something enlarged, is what the new part is to fit.
        """
        large = self._scaled(picture, size)
        denoise, steps = second_pass(self._request.style.steps, self._denoise())
        if sources.mask is None or sources.image is None:
            start = _Start(parts.model, parts.positive, parts.negative, self._encoded(large, parts.vae))
            return self._decoded(self._sampled(start, denoise, steps), parts.vae)
        mask = self._mask(sources.mask, size)
        if self._has("ImageCompositeMasked"):
            kept = self._scaled(sources.image, size)
            large = self._graph.add(
                "ImageCompositeMasked", destination=kept, source=large, x=0, y=0, resize_source=False, mask=mask
            )
        start = self._under_noise_mask(parts, parts.model, large, mask)
        return self._decoded(self._sampled(start, denoise, steps), parts.vae)

    # -- nodes ------------------------------------------------------------------------------------------------------

    def _has(self, node: str) -> bool:
        """Whether the engine has a node that is part of ComfyUI, as far as is known."""
        return self._catalogue is None or self._catalogue.has(node)

    def _tiled(self, node: str) -> bool:
        """Whether this node, which works in tiles, is to be used."""
        return self._request.frugal and self._has(node)

    def _decoded(self, latent: Output, vae: Output) -> Output:
        if self._tiled("VAEDecodeTiled"):
            return self._graph.add("VAEDecodeTiled", samples=latent, vae=vae, **_TILES)
        return self._graph.add("VAEDecode", samples=latent, vae=vae)

    def _encoded(self, pixels: Output, vae: Output) -> Output:
        if self._tiled("VAEEncodeTiled"):
            return self._graph.add("VAEEncodeTiled", pixels=pixels, vae=vae, **_TILES)
        return self._graph.add("VAEEncode", pixels=pixels, vae=vae)

    def _scaled(self, image: Output, size: tuple[int, int], method: str = "lanczos") -> Output:
        return self._graph.add("ImageScale", image=image, upscale_method=method, width=size[0], height=size[1], crop="disabled")

    def _mask(self, mask: Output, size: tuple[int, int]) -> Output:
        """The mask at the size of the picture. Linear, because sharper filters overshoot: black would not stay black."""
        return self._graph.add("ImageToMask", image=self._scaled(mask, size, method="bilinear"), channel="red")

    # -- model and texts --------------------------------------------------------------------------------------------

    def _parts(self) -> _Parts:
        graph, style = self._graph, self._request.style
        if style.checkpoint or style.base is not Base.FLUX:
            model, clip, vae = self._checkpoint()
        else:
            model, clip, vae = self._flux_files()
        for lora in style.loras:
            strength = {"strength_model": lora.strength, "strength_clip": lora.strength}
            model = graph.add("LoraLoader", model=model, clip=clip, lora_name=lora.name, **strength)
            clip = model.slot_at(1)
        positive = graph.add("CLIPTextEncode", clip=clip, text=positive_text(self._request))
        if style.base is Base.FLUX:
            # Without classifier-free guidance the sampler never reads the negative side: any conditioning does.
            return _Parts(model, vae, graph.add("FluxGuidance", conditioning=positive, guidance=style.guidance), positive)
        return _Parts(model, vae, positive, graph.add("CLIPTextEncode", clip=clip, text=negative_text(self._request)))

    def _checkpoint(self) -> tuple[Output, Output, Output]:
        """Model, text encoder and VAE from one file; the VAE from its own file when the style names one."""
        style = self._request.style
        model = self._graph.add("CheckpointLoaderSimple", ckpt_name=_needed(style, style.checkpoint, "checkpoint"))
        vae = self._graph.add("VAELoader", vae_name=style.vae) if style.vae else model.slot_at(2)
        return model, model.slot_at(1), vae

    def _weights(self) -> str:
        """How UNETLoader is to hold weights in memory."""
        offered = self._catalogue is None or _SMALL_WEIGHTS in self._catalogue.choices("UNETLoader", "weight_dtype")
        return _SMALL_WEIGHTS if self._request.frugal and offered else "default"

    def _flux_files(self) -> tuple[Output, Output, Output]:
        """Model, text encoders and VAE, each from its own file."""
        style = self._request.style
        if len(style.text_encoders) != 2:
            raise SetupError(
                f"The style “{style.name}” needs two text encoders (CLIP-L and T5); it names {len(style.text_encoders)}."
            )
        first, second = style.text_encoders
        return (
            self._graph.add("UNETLoader", unet_name=_needed(style, style.unet, "unet"), weight_dtype=self._weights()),
            self._graph.add("DualCLIPLoader", clip_name1=first, clip_name2=second, type="flux"),
            self._graph.add("VAELoader", vae_name=_needed(style, style.vae, "vae")),
        )

    # -- where the sampler starts -----------------------------------------------------------------------------------

    def _sources(self) -> _Sources:
        """Loads what the mode needs; a hole is filled by the inpaint model, if one was asked for, before all else."""
        request, graph = self._request, self._graph
        if request.mode is Mode.TEXT_TO_IMAGE:
            return _Sources()
        if not request.image:
            raise ValueError(f"{request.mode} needs an image")
        image = graph.add("LoadImage", image=request.image)
        if request.mode is Mode.IMAGE_TO_IMAGE:
            return _Sources(image)
        if not request.mask:
            raise ValueError(f"{request.mode} needs a mask")
        mask = graph.add("LoadImageMask", image=request.mask, channel="red")
        if request.fill_model and self._catalogue is not None and self._catalogue.has(FILL_NODE):
            model = graph.add(FILL_LOADER, model_name=request.fill_model)
            image = graph.add(FILL_NODE, inpaint_model=model, image=image, mask=mask, seed=request.seed)
        return _Sources(image, graph.add("MaskToImage", mask=mask))

    def _start(self, parts: _Parts, sources: _Sources, size: tuple[int, int]) -> _Start:
        if sources.image is None:
            return _Start(parts.model, parts.positive, parts.negative, self._empty(size))
        pixels = self._scaled(sources.image, size)
        if sources.mask is None:
            return _Start(parts.model, parts.positive, parts.negative, self._encoded(pixels, parts.vae))
        return self._masked(parts, pixels, self._mask(sources.mask, size))

    def _empty(self, size: tuple[int, int]) -> Output:
        node = "EmptySD3LatentImage" if self._request.style.base is Base.FLUX else "EmptyLatentImage"
        return self._graph.add(node, width=size[0], height=size[1], batch_size=1)

    def _patched(self, model: Output) -> Output:
        """Soft parts of the mask change later and less, where the engine can, instead of being mixed at every step."""
        if self._catalogue and self._catalogue.has("DifferentialDiffusion"):
            return self._graph.add("DifferentialDiffusion", model=model)
        return model

    def _under_noise_mask(self, parts: _Parts, model: Output, pixels: Output, mask: Output) -> _Start:
        latent = self._graph.add("SetLatentNoiseMask", samples=self._encoded(pixels, parts.vae), mask=mask)
        return _Start(model, parts.positive, parts.negative, latent)

    def _masked(self, parts: _Parts, pixels: Output, mask: Output) -> _Start:
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
        model = self._patched(parts.model)
        conditioning = not self._tiled("VAEEncodeTiled") and self._has("InpaintModelConditioning")
        if self._request.strength < 1.0 or not conditioning:
            return self._under_noise_mask(parts, model, pixels, mask)
        inputs = {"positive": parts.positive, "negative": parts.negative, "vae": parts.vae, "pixels": pixels, "mask": mask}
        conditioned = self._graph.add("InpaintModelConditioning", **inputs, noise_mask=True)
        return _Start(model, conditioned, conditioned.slot_at(1), conditioned.slot_at(2))

"""What each node class does: class name → function of (run, **inputs)."""

from __future__ import annotations

from collections.abc import Callable

from . import inpaint, latents, loaders, outputs, pictures, sampling
from .values import Result, Run

RUNNERS: dict[str, Callable[..., Result]] = {
    "CheckpointLoaderSimple": loaders.load_checkpoint,
    "LoraLoader": loaders.load_lora,
    "UNETLoader": loaders.load_unet,
    "CLIPLoader": loaders.load_clip,
    "DualCLIPLoader": loaders.load_two_clips,
    "VAELoader": loaders.load_vae,
    "CLIPTextEncode": loaders.encode_text,
    "FluxGuidance": loaders.set_guidance,
    "ConditioningZeroOut": loaders.zero_out,
    "InpaintModelConditioning": latents.condition_for_inpaint,
    "EmptyLatentImage": latents.empty_latent,
    "EmptySD3LatentImage": latents.empty_latent,
    "VAEEncode": latents.encode,
    "VAEDecode": latents.decode,
    "VAEEncodeTiled": latents.encode_tiled,
    "VAEDecodeTiled": latents.decode_tiled,
    "VAEEncodeForInpaint": latents.encode_for_inpaint,
    "SetLatentNoiseMask": latents.set_noise_mask,
    "KSampler": sampling.sample,
    "ImageScale": pictures.scale,
    "ImageScaleBy": pictures.scale_by,
    "ImageCompositeMasked": pictures.composite,
    "ImageInvert": pictures.invert,
    "EmptyImage": pictures.empty_image,
    "ImageToMask": pictures.image_to_mask,
    "MaskToImage": pictures.mask_to_image,
    "LoadImage": pictures.load_image,
    "LoadImageMask": pictures.load_mask,
    "SaveImage": outputs.save,
    "PreviewImage": outputs.preview,
    "SaveImageWebsocket": outputs.send,
    "INPAINT_LoadInpaintModel": inpaint.load_inpaint_model,
    "INPAINT_InpaintWithModel": inpaint.fill_hole,
}

__all__ = ["RUNNERS", "Result", "Run"]

"""Loading models and reading prompts. Nothing is read from disk: a real load's time falls into the first step."""

from __future__ import annotations

from ..models import LORAS
from .values import Clip, Conditioning, Model, Result, Run, Vae


def load_checkpoint(run: Run, ckpt_name: str) -> Result:
    """A checkpoint holds a model, its text encoder and its VAE."""
    return Result((Model(ckpt_name), Clip((ckpt_name,)), Vae(ckpt_name)))


def load_lora(run: Run, model: Model, clip: Clip, lora_name: str, strength_model: float, strength_clip: float) -> Result:
    """A model changed by a LoRA; the text encoder of a sketch has nothing to change."""
    assert lora_name in LORAS, "checked by validation"
    return Result((model.with_lora(lora_name, strength_model), clip))


def load_unet(run: Run, unet_name: str, weight_dtype: str) -> Result:
    """A model alone."""
    return Result((Model(unet_name),))


def load_clip(run: Run, clip_name: str, type: str, device: str = "default") -> Result:
    """One text encoder."""
    return Result((Clip((clip_name,)),))


def load_two_clips(run: Run, clip_name1: str, clip_name2: str, type: str, device: str = "default") -> Result:
    """Two text encoders that work together."""
    return Result((Clip((clip_name1, clip_name2)),))


def load_vae(run: Run, vae_name: str) -> Result:
    """A VAE alone."""
    return Result((Vae(vae_name),))


def encode_text(run: Run, text: str, clip: Clip) -> Result:
    """The words themselves."""
    return Result((Conditioning(text),))


def set_guidance(run: Run, conditioning: Conditioning, guidance: float) -> Result:
    """The same words, followed more or less strongly."""
    return Result((Conditioning(conditioning.text, guidance),))


def zero_out(run: Run, conditioning: Conditioning) -> Result:
    """No words at all."""
    return Result((Conditioning("", conditioning.guidance),))

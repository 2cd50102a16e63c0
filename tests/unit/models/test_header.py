"""What a safetensors file says of itself, and what is no such file."""

from __future__ import annotations

import pytest

from tests.unit.models.samples import CHECKPOINT, safetensors
from wake_service.errors import ModelError
from wake_service.models.header import LENGTH_BYTES, guessed_folder, header_length, tensor_names


def names_in(data: bytes) -> list[str]:
    length = header_length(data[:LENGTH_BYTES], len(data))
    return tensor_names(data[LENGTH_BYTES : LENGTH_BYTES + length], len(data))


def test_the_tensors_of_a_file_are_listed() -> None:
    assert names_in(safetensors(*CHECKPOINT)) == list(CHECKPOINT)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends before"),
        (b"PK\x03\x04" + b"x" * 100, "pickle"),
        (b"\x80\x02}q\x00" + b"x" * 100, "pickle"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"GGUF" + bytes([255] * 100), "GGUF"),
        (b"\xff" * 100, "first bytes"),
        ((10**8 + 1).to_bytes(8, "little") + b"x" * 100, "first bytes"),
        ((5).to_bytes(8, "little") + b"{nope", "no JSON"),
        ((2).to_bytes(8, "little") + b"[]", "no tensors"),
        ((2000).to_bytes(8, "little") + b"[" * 2000, "no JSON"),
        (safetensors("a", a={"dtype": "F32"}), "does not say where"),
        (safetensors("a", a=5), "does not say where"),
        (safetensors("a", a={"data_offsets": [0, True]}), "does not say where"),
        (safetensors("a", a={"data_offsets": [4, 0]}), "not whole"),
        (safetensors("a", a={"data_offsets": [-4, 4]}), "not whole"),
        (safetensors("a", "b")[:-1], "not whole"),
        (safetensors("a") + b"more", "bytes of tensors"),
    ],
)
def test_what_is_broken_or_something_else_is_refused_with_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        names_in(data)


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (CHECKPOINT, "checkpoints"),
        (("model.diffusion_model.a", "first_stage_model.a", "conditioner.embedders.0.a"), "checkpoints"),
        (("model.diffusion_model.input_blocks.0.0.weight",), "diffusion_models"),
        (("double_blocks.0.img_attn.qkv.weight", "single_blocks.0.linear1.weight"), "diffusion_models"),
        (("blocks.0.cross_attn.q.weight", "head.head.weight"), "diffusion_models"),
        (("lora_unet_down_blocks_0_attentions_0.lora_down.weight",), "loras"),
        (("transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight",), "loras"),
        (("double_blocks.0.img_attn.lora_up.weight",), "loras"),
        (("control_model.input_blocks.0.0.weight",), "controlnet"),
        (("controlnet_cond_embedding.conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"), "controlnet"),
        (("encoder.down.0.block.0.conv1.weight", "decoder.up.0.block.0.conv1.weight"), "vae"),
        (("encoder.down_blocks.0.a", "decoder.up_blocks.0.resnets.0.conv1.weight"), "vae"),
        (("text_model.encoder.layers.0.mlp.fc1.weight",), "text_encoders"),
        (("encoder.block.0.layer.0.SelfAttention.q.weight", "shared.weight"), "text_encoders"),
        (("model.layers.0.self_attn.k_proj.weight", "visual.blocks.0.a"), "text_encoders"),
        (("vision_model.encoder.layers.0.mlp.fc1.weight",), "clip_vision"),
        (("body.0.rdb1.conv1.weight", "conv_first.weight"), "upscale_models"),
        (("emb_params",), "embeddings"),
        (("something.of.my.own",), None),
        ((), None),
    ],
)
def test_the_folder_is_guessed_from_what_makers_call_their_tensors(names: tuple[str, ...], folder: str | None) -> None:
    assert guessed_folder(names) == folder

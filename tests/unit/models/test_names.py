"""Service and machine mean the same by a model's name and by what is known about it."""

from __future__ import annotations

import pytest

from cloud_image.model_sync import about as machine_about
from cloud_image.model_sync import names as machine_names
from tests.unit.models.samples import about
from wake_service.errors import ModelError
from wake_service.models import names
from wake_service.models.about import checked_license, read_about
from wake_service.models.names import model_name, same_model


def test_service_and_machine_know_the_same_folders_and_take_the_same_names() -> None:
    assert names.FOLDERS == machine_names.FOLDERS
    for name in ("checkpoints/a b.safetensors", "loras/x/y.sft", "checkpoints/../x", "loras/.x", "x", "unet/a\\b", "vae/\n"):
        assert names.is_name(name) == machine_names.is_name(name)
    assert names.about_name("vae/x") == machine_names.about_name("vae/x")


def test_a_machine_reads_what_the_service_writes() -> None:
    written = about("vae/x.safetensors", commercial="ask")
    read = machine_about.read_about("vae/x.safetensors", written.model_dump_json())
    assert (read.sha256, read.size, read.license, read.commercial, read.added_at) == (
        written.sha256,
        written.size,
        "MIT",
        "ask",
        5.0,
    )


@pytest.mark.parametrize("file", ["../x.safetensors", "a/b.safetensors", "a\\b.safetensors", ".x", "", "x" * 201, "a\nb"])
def test_a_name_with_a_path_is_refused(file: str) -> None:
    with pytest.raises(ModelError, match="without a path"):
        model_name("checkpoints", file)


def test_a_folder_that_comfyui_lacks_is_refused() -> None:
    with pytest.raises(ModelError, match="none of ComfyUI's folders"):
        model_name("custom_nodes", "x.py")


def test_older_names_of_folders_mean_the_same_model() -> None:
    assert same_model("unet/a\\b.safetensors") == same_model("diffusion_models/a/b.safetensors")
    assert same_model("clip/x") == "text_encoders/x"
    assert same_model("loras/x") == "loras/x"


@pytest.mark.parametrize("license_id", ["MIT", "CC-BY-NC-4.0", "openrail++", "LicenseRef-Studio_1", "flux-1-dev-non-commercial"])
def test_ids_of_licences_are_taken(license_id: str) -> None:
    assert checked_license(license_id) == license_id


@pytest.mark.parametrize("license_id", ["", "MIT or not", "-x", "a" * 101, "x;y", "<b>"])
def test_what_is_no_id_is_refused(license_id: str) -> None:
    with pytest.raises(ModelError, match="licence's id"):
        checked_license(license_id)


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", about("vae/other").model_dump_json().encode()])
def test_what_is_written_wrongly_is_a_sentence(text: bytes) -> None:
    with pytest.raises(ModelError, match="vae/x"):
        read_about("vae/x", text)

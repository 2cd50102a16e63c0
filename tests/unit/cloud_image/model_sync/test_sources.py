"""What every source promises: a folder that is mounted, and a bucket."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from cloud_image.errors import ModelError
from cloud_image.model_sync.names import about_name, is_name
from cloud_image.model_sync.plan import Remote
from cloud_image.model_sync.s3_source import S3Source
from cloud_image.model_sync.source import FolderSource, ModelChanged, Source
from tests.unit.cloud_image.model_sync.world import BASE, BYTES, LORA, about, put


class FolderWorld:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.source: Source = FolderSource(root)

    def put(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def forget(self) -> None:
        self.root.rmdir()


class S3World:
    def __init__(self) -> None:
        self.client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="example"
        )
        self.client.create_bucket(Bucket="studio")
        self.source: Source = S3Source(self.client, "studio", "models/")

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket="studio", Key=f"models/{name}", Body=data)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket="studio", Key=f"models/{name}")

    def forget(self) -> None:
        self.client.delete_bucket(Bucket="studio")


World = FolderWorld | S3World
MODEL = Remote(BASE, 10, "1", etag="e")


@pytest.fixture(params=["folder", "s3"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if request.param == "folder":
        yield FolderWorld(tmp_path / "mount")
        return
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with mock_aws():
        yield S3World()


def with_about(world: World, name: str, data: bytes = BYTES, **changes: Any) -> None:
    world.put(name, data)
    world.put(about_name(name), about(name, data, **changes).encode())


def test_models_are_listed_with_what_is_known_about_them(world: World) -> None:
    with_about(world, BASE)
    with_about(world, LORA, b"fine lines", license="CC-BY-4.0", commercial="ask")
    listing = world.source.listing()
    assert listing.troubles == []
    base, lora = sorted(listing.models, key=lambda model: model.name)
    assert (base.name, base.size, base.version) == (BASE, len(BYTES), hashlib.sha256(BYTES).hexdigest())
    assert (lora.name, lora.license, lora.commercial, lora.added_at) == (LORA, "CC-BY-4.0", "ask", 100.0)


def test_bytes_are_read_from_any_place_on(world: World) -> None:
    with_about(world, BASE)
    (model,) = world.source.listing().models
    assert b"".join(world.source.read(model, 0)) == BYTES
    assert b"".join(world.source.read(model, len(BYTES) - 5)) == BYTES[-5:]


def test_a_model_that_changes_after_the_listing_is_not_read_as_if_it_were_the_same(world: World) -> None:
    with_about(world, BASE)
    (model,) = world.source.listing().models
    world.put(BASE, BYTES[::-1])
    with pytest.raises(ModelChanged, match=BASE):
        list(world.source.read(model, 1000))
    world.remove(BASE)
    with pytest.raises(ModelChanged, match=BASE):
        list(world.source.read(model, 0))


def test_without_a_word_about_it_a_model_is_listed_and_a_new_version_is_another(world: World) -> None:
    world.put(BASE, BYTES)
    (model,) = world.source.listing().models
    world.put(BASE, BYTES[::-1])
    (other,) = world.source.listing().models
    assert (model.sha256, other.sha256) == ("", "")
    assert model.version != other.version


@pytest.mark.parametrize(
    "written",
    [
        b"{",
        b"[]",
        b"\xff",
        about(BASE, BYTES, name=LORA).encode(),
        about(BASE, BYTES, sha256="short").encode(),
        about(BASE, BYTES, size="many").encode(),
        about(BASE, BYTES, size=-1).encode(),
        about(BASE, BYTES, added_at="today").encode(),
        about(BASE, BYTES, size=5).encode(),
    ],
)
def test_a_damaged_word_about_a_model_is_a_sentence_and_the_others_are_listed(world: World, written: bytes) -> None:
    world.put(BASE, BYTES)
    world.put(about_name(BASE), written)
    with_about(world, LORA)
    listing = world.source.listing()
    assert [model.name for model in listing.models] == [LORA]
    (sentence,) = listing.troubles
    assert sentence.startswith(BASE) and "wakebrush models add" in sentence


def test_what_is_in_none_of_the_engines_folders_is_no_model(world: World) -> None:
    for name in ("readme.txt", "pictures/cat.png", "checkpoints/.hidden", ".about/checkpoints/orphan.safetensors.json"):
        world.put(name, b"x")
    assert world.source.listing().models == []


def test_a_source_that_is_not_there_is_a_sentence(world: World) -> None:
    world.forget()
    with pytest.raises(ModelError, match=r"not there|no bucket"):
        world.source.listing()


@pytest.mark.parametrize(("code", "passing", "words"), [("SlowDown", True, "too much"), ("AccessDenied", False, "role")])
def test_what_s3_refuses_is_a_sentence_and_passes_or_not(code: str, passing: bool, words: str) -> None:
    source = S3Source(_Refusing(code), "studio", "models/")
    with pytest.raises(ModelError, match=words) as caught:
        list(source.read(MODEL, 0))
    assert caught.value.passing is passing


def test_a_network_that_is_gone_passes() -> None:
    source = S3Source(_Refusing(""), "studio", "models/")
    with pytest.raises(ModelError, match="connection") as caught:
        list(source.read(MODEL, 0))
    assert caught.value.passing


class _Refusing:
    def __init__(self, code: str) -> None:
        self.code = code

    def get_object(self, **arguments: Any) -> None:
        if not self.code:
            raise EndpointConnectionError(endpoint_url="https://s3")
        client = boto3.client("s3", region_name="us-east-1")
        raise client.exceptions.ClientError({"Error": {"Code": self.code}}, "GetObject")


@pytest.mark.parametrize(
    ("name", "good"),
    [
        (BASE, True),
        (LORA, True),
        ("unet/x.gguf", True),
        ("inpaint/big lama.pt", True),
        ("checkpoints", False),
        ("checkpoints/", False),
        ("/checkpoints/x", False),
        ("checkpoints/../../etc/passwd", False),
        ("checkpoints/./x", False),
        ("checkpoints//x", False),
        ("checkpoints/a\\b", False),
        ("checkpoints/a\nb", False),
        ("custom_nodes/evil.py", False),
        ("checkpoints/.x.part", False),
    ],
)
def test_a_name_leads_into_the_engines_folders_and_nowhere_else(name: str, good: bool) -> None:
    assert is_name(name) is good


def test_a_mount_that_hangs_up_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, BASE)

    def stale(self: Path) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(Path, "stat", stale)
    with pytest.raises(ModelError, match="Stale") as caught:
        FolderSource(tmp_path).listing()
    assert caught.value.passing


def test_a_folder_that_cannot_be_looked_into_is_a_sentence_and_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, BASE)
    put(tmp_path, LORA)
    scandir = os.scandir

    def squashed(path: Path | str) -> Any:
        if "loras" in str(path):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", squashed)
    with pytest.raises(ModelError, match="Permission denied"):
        FolderSource(tmp_path).listing()

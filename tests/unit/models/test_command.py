"""`wakebrush models` as an admin types it, with a folder and with a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result

from tests.support.s3 import cloud
from tests.unit.models.samples import MODEL, SHA256, safetensors
from wake_service.cli import main

BASE = "checkpoints/base.safetensors"
LICENCE = ("--license", "openrail++", "--commercial", "yes")
Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(data: Path) -> Run:
    return lambda *words: CliRunner().invoke(main, ["models", *map(str, words), "--data", str(data)], catch_exceptions=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "base.safetensors"
    path.write_bytes(MODEL)
    return path


def test_a_model_is_added_listed_and_removed(run: Run, data: Path, file: Path) -> None:
    added = run("add", file, *LICENCE)
    assert added.exit_code == 0 and SHA256 in added.stdout and BASE in added.stdout
    assert (data / "models" / BASE).read_bytes() == MODEL
    listed = run("list").stdout
    assert BASE in listed and "openrail++" in listed and "yes" in listed
    (row,) = json.loads(run("list", "--json").stdout)
    assert (row["name"], row["sha256"], row["commercial"], row["license"]) == (BASE, SHA256, "yes", "openrail++")
    assert run("remove", BASE).exit_code == 0
    assert "no model" in run("list").output
    again = run("remove", BASE)
    assert (again.exit_code, BASE in again.output) == (1, True)


def test_the_same_file_again_is_said_to_be_there(run: Run, file: Path) -> None:
    run("add", file, *LICENCE)
    assert "was there already" in run("add", file, *LICENCE).stdout


def test_a_comfyui_of_this_computer_gets_it_among_its_own(
    run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAKEBRUSH_COMFYUI_FOLDER", str(tmp_path / "ComfyUI"))
    run("add", file, *LICENCE)
    assert (tmp_path / "ComfyUI" / "models" / BASE).exists()
    monkeypatch.delenv("WAKEBRUSH_COMFYUI_FOLDER")
    (tmp_path / "space" / "ComfyUI").mkdir(parents=True)
    (tmp_path / "space" / "ComfyUI" / "main.py").touch()
    monkeypatch.setenv("WAKEBRUSH_COMFYUI_WORKSPACE", str(tmp_path / "space"))
    run("add", file, *LICENCE)
    assert (tmp_path / "space" / "ComfyUI" / "models" / BASE).exists()


def test_machines_in_the_cloud_get_it_from_the_bucket(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PROVIDER": "ec2", "AWS_BUCKET": "studio", "AWS_DEPLOYMENT": "studio"}.items():
        monkeypatch.setenv(f"WAKEBRUSH_{name}", value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    with cloud(monkeypatch):
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="studio")
        assert run("add", file, *LICENCE).exit_code == 0
        assert client.get_object(Bucket="studio", Key=f"models/{BASE}")["Body"].read() == MODEL
        assert json.loads(client.get_object(Bucket="studio", Key=f"models/.about/{BASE}.json")["Body"].read())["sha256"] == SHA256


def test_settings_without_a_place_for_models_are_a_sentence(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEBRUSH_PROVIDER", "ec2")
    refused = run("add", file, *LICENCE)
    assert (refused.exit_code, "aws_bucket" in refused.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--license"),
        (("--license", "MIT"), "--commercial"),
        ((*LICENCE, "--folder", "pictures"), "pictures"),
        (("--license", "no id", "--commercial", "no"), "licence's id"),
        ((*LICENCE, "--name", "../x.safetensors"), "without a path"),
        ((*LICENCE, "--sha256", "0" * 64), "promised"),
    ],
)
def test_what_is_wrong_is_said(run: Run, file: Path, words: tuple[str, ...], said: str) -> None:
    refused = run("add", file, *words)
    assert refused.exit_code != 0
    assert said in refused.output and "Traceback" not in refused.output


def test_what_is_no_model_is_refused_with_a_sentence(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(safetensors("a")[:-1])
    refused = run("add", other, *LICENCE)
    assert (refused.exit_code, "not whole" in refused.output) == (1, True)
    missing = run("add", tmp_path / "nothing.safetensors", *LICENCE)
    assert (missing.exit_code, "cannot be read" in missing.output) == (1, True)
    plain = run("add", "http://models.example/x.safetensors", *LICENCE)
    assert (plain.exit_code, "only https" in plain.output) == (1, True)

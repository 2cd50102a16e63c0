"""`wakebrush-models` as systemd and an admin call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from cloud_image import marks
from cloud_image.metadata import Identity
from cloud_image.model_sync import cli, transfer
from cloud_image.model_sync.names import about_name
from cloud_image.paths import Paths
from tests.unit.cloud_image.model_sync.world import BASE, BYTES, LORA, about, put

Run = Callable[..., int]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "root")


@pytest.fixture
def run(paths: Paths) -> Run:
    return lambda *words: cli.main(["--root", str(paths.root), *words])


def settle(paths: Paths, **models: object) -> None:
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in {"keep_free_gib": 0, **models}.items())
    paths.settings.parent.mkdir(parents=True, exist_ok=True)
    paths.settings.write_text(f"[models]\n{lines}\n")


def know(paths: Paths, *, deployment: str) -> None:
    """The machine has asked the cloud who it is."""
    paths.identity.parent.mkdir(parents=True, exist_ok=True)
    known = Identity("i-0a1b", "us-east-1", "g5.xlarge", deployment, "default", spot=False, account="123456789012")
    paths.identity.write_text(known.as_json(), encoding="utf-8")


def test_models_come_from_the_mount(run: Run, paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    settle(paths, source=str(paths.shared_models))
    put(paths.shared_models, BASE)
    assert run("sync") == 0
    assert (paths.models / BASE).read_bytes() == BYTES
    assert BASE in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "bucket"), [("s3://studio/models", "studio"), ("stack", "paint-123456789012-us-east-1")], ids=["named", "stack"]
)
def test_models_come_from_the_bucket(run: Run, paths: Paths, monkeypatch: pytest.MonkeyPatch, source: str, bucket: str) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    settle(paths, source=source)
    know(paths, deployment="paint")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key=f"models/{LORA}", Body=BYTES)
        client.put_object(Bucket=bucket, Key=f"models/{about_name(LORA)}", Body=about(LORA, BYTES))
        client.put_object(Bucket=bucket, Key="blobs/ab/abcd", Body=b"a picture")
        assert run("sync") == 0
    assert (paths.models / LORA).read_bytes() == BYTES


def test_a_machine_that_does_not_know_its_stack_says_what_to_do(
    run: Run, paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(paths, source="stack")
    for known in (lambda: None, lambda: know(paths, deployment="")):
        known()
        assert run("sync") == 1
        assert "does not know its stack" in capsys.readouterr().err


def test_while_it_works_the_machine_is_marked_busy(run: Run, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(paths, source=str(paths.shared_models))
    put(paths.shared_models, BASE)
    seen: list[list[str]] = []
    bring = transfer.Transfer.bring

    def watched(self: transfer.Transfer, model: object) -> None:
        seen.append(marks.busy(paths.marks))
        bring(self, model)  # type: ignore[arg-type]

    monkeypatch.setattr(transfer.Transfer, "bring", watched)
    run("sync")
    assert seen == [["models"]]
    assert marks.busy(paths.marks) == []


def test_wanted_ones_are_named_as_the_store_names_them(run: Run, paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    settle(paths, source=str(paths.shared_models))
    put(paths.shared_models, BASE)
    assert run("sync", "--first", "checkpoints/nobody.safetensors") == 1
    assert "checkpoints/nobody.safetensors" in capsys.readouterr().err


def test_without_a_source_nothing_is_brought_and_all_is_well(run: Run, paths: Paths) -> None:
    settle(paths, source="none")
    assert run("sync") == 0


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [("/nowhere", 75, "mounted"), ("s3://", 1, "bucket"), ("ftp://x", 1, "models.source")],
)
def test_a_source_that_cannot_be_used_is_a_sentence(
    run: Run, paths: Paths, capsys: pytest.CaptureFixture[str], source: str, status: int, words: str
) -> None:
    settle(paths, source=source)
    assert run("sync") == status
    assert words in capsys.readouterr().err


def test_a_disk_that_cannot_be_used_is_a_sentence(run: Run, paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    settle(paths, source=str(paths.shared_models))
    put(paths.shared_models, BASE)
    paths.models.parent.mkdir(parents=True)
    paths.models.write_text("a file")
    assert run("sync") == 1
    assert "models' disk cannot be used" in capsys.readouterr().err


def test_what_found_no_room_is_told(run: Run, paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    settle(paths, source=str(paths.shared_models), keep_free_gib=10**6)
    put(paths.shared_models, BASE)
    assert run("sync") == 0
    out = capsys.readouterr().out
    assert "no room" in out and BASE in out and "shared mount" in out


def test_a_fast_disk_is_filled_too(run: Run, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(paths, source=str(paths.shared_models))
    put(paths.shared_models, BASE)
    paths.fast_models.mkdir(parents=True)
    run("sync")
    assert not (paths.fast_models / BASE).exists(), "a folder that is no mount is the root disk"
    monkeypatch.setattr("os.path.ismount", lambda path: path == paths.fast_models)
    assert run("sync", "--first", BASE) == 0
    assert (paths.fast_models / BASE).read_bytes() == BYTES


def test_the_list_says_what_is_where(run: Run, paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    settle(paths, source=str(paths.shared_models))
    put(paths.shared_models, BASE)
    run("sync")
    put(paths.shared_models, BASE, b"newer")
    put(paths.shared_models, LORA)
    capsys.readouterr()
    assert run("list") == 0
    older, waiting = sorted(capsys.readouterr().out.splitlines(), key=lambda line: LORA in line)
    assert "older" in older and BASE in older
    assert "at the source" in waiting and LORA in waiting


def test_the_paths_of_models_are_written_where_the_engine_reads_them(run: Run, paths: Paths) -> None:
    assert run("paths") == 0
    assert str(paths.models) in paths.model_paths.read_text()

"""A service that cannot start says why in a sentence, and ends with a code that scripts notice."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from tests.faults.follower import Follower
from tests.faults.small_disk import MIB, small_disk
from tests.support.running_service import RunningService

Start = Callable[..., Follower]


def refused(data: Path, *arguments: str, **settings: str) -> str:
    """What a service says that does not start."""
    service = RunningService(data, **settings)
    done = service.command("serve", "--data", str(data), *(arguments or ("--port", "0")))
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    assert not done.stdout
    return done.stderr


def test_a_second_service_on_the_same_data_is_refused_and_the_first_goes_on(start: Start) -> None:
    her = start()
    job = her.artist.generate()
    her.until_type("job.running")
    said = refused(her.service.data)
    assert f"Another wake service is using {her.service.data}" in said
    assert "--data" in said
    her.until_finished(job)
    her.assert_delivered_once(job)
    assert (her.service.data / "endpoint.json").exists()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(tmp_path / "service", "--port", str(port))
    assert f"Cannot listen on 127.0.0.1:{port}" in said
    assert "Choose another --port" in said


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with small_disk(tmp_path / "service", MIB) as disk:
        disk.make_read_only()
        said = refused(disk.folder)
    assert f"The data folder {disk.folder} cannot be used" in said


def test_a_data_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    place = tmp_path / "service"
    place.write_text("a shopping list")
    said = refused(place)
    assert str(place) in said


def test_a_comfyui_folder_that_is_none_is_said(tmp_path: Path) -> None:
    said = refused(tmp_path / "service", comfyui_folder=str(tmp_path / "nowhere"))
    assert "is not a ComfyUI folder" in said
    assert "comfyui_folder" in said


def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path / "service", idle_seconds="-1")
    assert "idle_seconds" in said


def test_an_engine_that_ends_at_once_is_said_to_the_artist_who_waits(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "ComfyUI"
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").write_text("raise SystemExit('no GPU was found')")
    her = start(comfyui_folder=str(folder))
    her.artist.wake()
    machine = her.until(
        lambda event: (
            event["type"] == "machine.changed"
            and event["data"]["machine"]["state"] == "asleep"
            and event["data"]["machine"]["message"]
        )
    )["data"]["machine"]
    assert "no GPU was found" in machine["message"]

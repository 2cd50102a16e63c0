"""A machine that sleeps is woken by a job, paints, and stops by itself: with the real guard, agent, engine's unit and monitor."""

from __future__ import annotations

import hashlib
import json
import ssl
import struct
import time
from collections.abc import Callable
from pathlib import Path

from tests.aws.cloud import GUARD_PORT
from tests.image.lab import gpu
from tests.image.lab.asking import ask
from tests.image.lab.scene import SLEEP_SECONDS, Scene
from tests.support.pictures import mask_png, opened, png
from wake_service.aws.tags import FINGERPRINT, LEASE_UNTIL

#: The window, the monitor's period and its last look, of tests/image/machine.toml; work within it keeps a machine awake.
WINDOW_SECONDS = 8.0


def test_a_job_wakes_a_sleeping_machine_and_comes_back_as_a_picture(scene: Callable[..., Scene]) -> None:
    studio = scene()
    assert studio.state() == "stopped"
    artist = studio.artist
    image, mask = artist.upload(png(72, 64)), artist.upload(mask_png(72, 64))
    job = studio.paint(mode="inpaint", strength=0.5, image=image, mask=mask)
    assert (job["state"], job["error"], job["machine"]) == ("succeeded", None, studio.ids[0])
    assert opened(artist.result(job["id"])).size == (72, 64)
    assert LEASE_UNTIL in studio.tags(), "the reaper knows how long it may run"


def test_the_guard_answers_only_to_the_token_of_this_wake_and_shows_the_certificate_that_was_published(
    scene: Callable[..., Scene],
) -> None:
    studio = scene()
    studio.paint()
    address = studio.machine.address
    shown = ssl.get_server_certificate((address, GUARD_PORT))
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest() == studio.tags()[FINGERPRINT]
    for sent in (None, "wrong", studio.token()[:-1]):
        for path in ("/system_stats", "/agent", "/prompt", "/queue", "/agent/results/x"):
            answer = ask(address, path, sent)
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), (path, sent)
    assert ask(address, "/system_stats", studio.token()).json()["system"]["practice"] is True


def test_a_machine_whose_gpu_works_stays_up_and_stops_when_it_has_idled_for_the_window(scene: Callable[..., Scene]) -> None:
    studio = scene()
    studio.paint()
    gpu.set_load(studio.machine, 60)
    still_up(studio, WINDOW_SECONDS * 2.5)
    gpu.set_load(studio.machine, 2)
    studio.until_state("stopped")
    (machine,) = studio.artist.machines()
    studio.until(lambda: studio.artist.machines()[0]["state"] == "asleep", 30, "the service knowing that it sleeps")
    assert machine["id"] == studio.ids[0]


def test_the_next_job_wakes_it_again_and_finds_another_token_and_the_same_certificate(scene: Callable[..., Scene]) -> None:
    studio = scene()
    studio.paint()
    first, certificate = studio.token(), studio.tags()[FINGERPRINT]
    studio.until_state("stopped")
    assert studio.paint()["state"] == "succeeded"
    assert studio.machine.boots == 2
    assert studio.token() != first
    assert studio.tags()[FINGERPRINT] == certificate
    assert ask(studio.machine.address, "/system_stats", first).status_code == 401


def test_a_model_that_an_admin_has_added_is_on_the_machine_at_its_next_wake(scene: Callable[..., Scene], tmp_path: Path) -> None:
    studio = scene()
    studio.bring_models_from("stack")
    weights = safetensors(tmp_path / "ink.safetensors")
    words = ("models", "add", str(weights), "--license", "MIT", "--commercial", "yes", "--folder", "loras")
    added = studio.service.command(*words, environment={"WAKEBRUSH_AWS_BUCKET": studio.make_bucket()})
    assert added.returncode == 0, added.stderr
    studio.paint()
    place = "/var/lib/wakebrush/models/loras/ink.safetensors"
    studio.until(lambda: studio.machine.container.result("test", "-e", place).returncode == 0, 30, "the model being there")
    assert studio.machine.run("sha256sum", place).split()[0] == hashlib.sha256(weights.read_bytes()).hexdigest()


def safetensors(file: Path) -> Path:
    """A small model file: one tensor of a megabyte."""
    size = 1024**2
    header = json.dumps({"lora_up.weight": {"dtype": "F32", "shape": [512, 512], "data_offsets": [0, size]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(range(256)) * (size // 256))
    return file


def test_a_machine_stops_by_itself_when_the_service_was_killed(scene: Callable[..., Scene]) -> None:
    studio = scene()
    studio.paint()
    studio.service.kill()
    studio.until_state("stopped", seconds=SLEEP_SECONDS)


def still_up(studio: Scene, seconds: float) -> None:
    """So long nothing ends it: real time, since it is a real machine that would."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        studio.account.check()
        assert studio.state() == "running", studio.machine.container.last_words()
        assert studio.machine.on
        time.sleep(0.5)

"""The official SDKs, unmodified, against a machine that sleeps, wakes, and dies in the middle."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.engine.graphs import text_to_image
from tests.contract.sdk.clients import Line, Program, program, run
from tests.support.artist import Artist
from tests.support.loopback import LoopbackPort
from tests.support.pictures import opened, png
from tests.support.running_service import RunningService, eventually
from wake_service.practice_engine.models import CHECKPOINTS

Start = Callable[..., RunningService]
LANGUAGES = ("python", "typescript")
CHECKPOINT = CHECKPOINTS[0]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service for all tests that break nothing."""
    service = RunningService(tmp_path_factory.mktemp("sdk") / "service", idle_seconds=600)
    yield service.start()
    service.clean_up()


@pytest.fixture
def picture(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file that no other test has sent."""
    mark = zlib.crc32(request.node.nodeid.encode())
    path = tmp_path / f"{mark:08x}.png"
    path.write_bytes(png(colour=(10, mark >> 8 & 255, mark & 255)))
    return path


def node(kind: str, **inputs: Any) -> Line:
    return {"class_type": kind, "inputs": inputs}


def flat(colour: int = 255, **more: Any) -> Line:
    image = node("EmptyImage", width=64, height=64, batch_size=1, color=colour) | more
    return {"1": image, "2": node("SaveImage", filename_prefix="flat", images=["1", 0])}


INVERTED = {
    "1": node("LoadImage", image=""),
    "2": node("ImageInvert", image=["1", 0]),
    "3": node("SaveImage", filename_prefix="inverted", images=["2", 0]),
}
SLOW = "--step-seconds 0.2"


def states(artist: Artist) -> set[str]:
    return {machine["state"] for machine in artist.machines()}


def result_of(done: Program) -> Line:
    (result,) = done.of("result")
    return result


def check_story(done: Program) -> None:
    """What every stream must be like, however the machine fared."""
    kinds = [line["kind"] for line in done.said if line["kind"] in ("status", "output")]
    assert kinds[-1] == "status" and "output" in kinds, "outputs come before the terminal status"
    assert [line["status"] for line in done.of("status")][-1] == "succeeded"
    assert {line["id"] for line in done.of("output")} == {output["id"] for output in result_of(done)["outputs"]}
    assert all(line["ok"] for line in done.of("schema")), [line for line in done.of("schema") if not line["ok"]]


def test_an_sdk_wakes_a_sleeping_machine_and_gets_its_picture(start_service: Start, language: str, picture: Path) -> None:
    service = start_service()
    with service.artist() as artist:
        assert states(artist) == {"asleep"}
        done = run(language, service, {"workflow": INVERTED, "upload": str(picture), "input": ["1", "image"]})
        assert states(artist) <= {"ready", "busy"}
    check_story(done)
    assert done.of("status")[0]["status"] == "queued"
    assert any((line["message"] or "").startswith("Waking the machine") for line in done.of("progress"))
    (output,) = result_of(done)["outputs"]
    assert (output["node"], output["first"]) == ("3", "PNG")
    assert done.of("asset")[0]["created_new"] is True
    if language == "typescript":
        assert len(done.of("schema")) >= 4


def test_an_output_is_the_picture_that_was_asked_for(shared: RunningService, language: str, picture: Path) -> None:
    done = run(language, shared, {"workflow": INVERTED, "upload": str(picture), "input": ["1", "image"]})
    (output,) = result_of(done)["outputs"]
    with shared.artist() as artist:
        data = artist._session.get(output["url"], timeout=30).content
    original, inverted = opened(picture.read_bytes()).convert("RGB"), opened(data).convert("RGB")
    pairs = zip(original.getpixel((5, 5)), inverted.getpixel((5, 5)), strict=True)
    assert all(abs(255 - before - after) <= 1 for before, after in pairs)  # an engine computes with fractions
    assert output["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_second_run_sends_nothing_again_and_may_use_the_plain_name(
    shared: RunningService, language: str, picture: Path
) -> None:
    wish = {"workflow": INVERTED, "upload": str(picture), "input": ["1", "image"], "events": False}
    first, second = run(language, shared, wish), run(language, shared, wish | {"by_name": True})
    assert first.of("asset")[0]["created_new"] is True
    assert second.of("asset")[0]["created_new"] is False
    assert result_of(first)["outputs"][0]["node"] == result_of(second)["outputs"][0]["node"] == "3"


def test_a_machine_that_dies_in_the_middle_is_a_pause(start_service: Start, language: str) -> None:
    service = start_service(practice_args=SLOW)
    with program(language, service, {"workflow": text_to_image(CHECKPOINT, steps=12)}) as running:
        running.until(lambda line: line["kind"] == "progress" and (line["step"] or 0) >= 3)
        (engine,) = service.engines()
        engine.kill()
        running.all()
    check_story(running)
    (output,) = result_of(running)["outputs"]
    assert output["node"] == "9"
    with service.artist() as artist:
        listed = artist._session.get(f"{service.gateway}/api/v2/jobs", timeout=30).json()["jobs"]
    assert [job["status"] for job in listed] == ["succeeded"]


def test_a_service_that_dies_in_the_middle_loses_nothing_and_makes_nothing_twice(start_service: Start, language: str) -> None:
    service = start_service(practice_args=SLOW)
    graph = text_to_image(CHECKPOINT, steps=12) | {"20": flat()["1"]}
    graph |= {"21": node("SaveImage", filename_prefix="early", images=["20", 0])}
    with program(language, service, {"workflow": graph}) as running:
        job = running.until(lambda line: line["kind"] == "job")["job"]
        running.until(lambda line: line["kind"] == "output")
        service.kill()
        running.all()
    assert not running.of("failed"), "that nobody answers for a moment is no failure of the job"
    service.restart()
    done = run(language, service, {"job": job})
    check_story(done)
    assert sorted(output["node"] for output in result_of(done)["outputs"]) == ["21", "9"]


def test_what_was_painted_while_the_service_was_away_comes_home(start_service: Start) -> None:
    service = start_service(practice_args=SLOW)
    with program("python", service, {"workflow": text_to_image(CHECKPOINT, steps=6)}) as running:
        job = running.until(lambda line: line["kind"] == "job")["job"]
        running.until(lambda line: line["kind"] == "status" and line["status"] == "running")
        service.kill()
        running.all()
    eventually(lambda: any((service.data / "engine" / "output").rglob("contract_*.png")), 20, "the picture on the engine's disk")
    service.restart()
    done = run("python", service, {"job": job})
    check_story(done)
    assert [output["node"] for output in result_of(done)["outputs"]] == ["9"]


def test_steps_and_previews_arrive_while_it_paints(start_service: Start, language: str) -> None:
    service = start_service(practice_args=SLOW)
    done = run(language, service, {"workflow": text_to_image(CHECKPOINT, steps=10)})
    check_story(done)
    assert done.of("preview") and all(line["size"] > 0 for line in done.of("preview"))
    assert len({line["step"] for line in done.of("progress") if line["step"]}) >= 3


def test_a_link_serves_without_any_key(shared: RunningService, language: str) -> None:
    made = shared.command("link", "create", "--hours", "1")
    assert made.returncode == 0, made.stderr
    base = next(word for word in made.stdout.split() if word.startswith("http")).rstrip("/")
    done = run(language, shared, {"workflow": flat(1)}, base=base, key=False)
    check_story(done)
    assert result_of(done)["outputs"][0]["url"].startswith(base)


def test_a_port_of_ones_own_computer_serves_without_any_key(shared: RunningService, language: str, picture: Path) -> None:
    wish = {"workflow": INVERTED, "upload": str(picture), "input": ["1", "image"]}
    with LoopbackPort(shared) as port:
        done = run(language, shared, wish, base=port.url, key=False)
    check_story(done)
    assert result_of(done)["outputs"][0]["url"].startswith(port.url), "what is fetched comes through the same port"


def test_a_graph_that_could_never_run_is_refused_at_once(shared: RunningService, language: str) -> None:
    done = run(language, shared, {"workflow": {"1": node("SaveImage", filename_prefix="x", images=["9", 0])}, "events": False})
    (refused,) = done.of("refused")
    assert (refused["code"], refused["status"]) == ("invalid_workflow", 422)


def test_a_graph_that_fails_ends_as_a_failed_job(start_service: Start, language: str) -> None:
    service = start_service()
    done = run(language, service, {"workflow": {**flat(), "1": node("EmptyImage", width=0, height=1, batch_size=1, color=0)}})
    (failed,) = done.of("failed")
    assert (failed["code"], failed["node"]) == ("invalid_workflow", "1")
    assert [line["status"] for line in done.of("status")][-1] == "failed"


def test_a_cancelled_job_ends_as_cancelled(start_service: Start, language: str) -> None:
    service = start_service()
    done = run(language, service, {"workflow": flat(), "cancel": True})
    assert done.of("cancelled")[0]["status"] == "canceled"
    assert [line["status"] for line in done.of("status")] == ["canceled"]
    assert done.of("failed")


def test_a_key_is_good_for_one_job(shared: RunningService, language: str) -> None:
    wish = {"workflow": flat(2), "key": f"once-{language}", "events": False}
    run(language, shared, wish)
    (refused,) = run(language, shared, wish).of("refused")
    assert (refused["code"], refused["status"]) == ("idempotency_key_reuse", 422)


def test_a_wrong_key_is_told_as_such(shared: RunningService, language: str) -> None:
    done = run(language, shared, {"workflow": flat(3), "events": False}, key=False)
    (refused,) = done.of("refused")
    assert refused["status"] == 401


def test_jobs_are_listed_by_their_labels(shared: RunningService) -> None:
    wanted = [
        run("python", shared, {"workflow": flat(n), "metadata": {"client": "acme", "n": str(n)}, "events": False})
        for n in range(3)
    ]
    ids = [result_of(done)["job"] for done in wanted]
    assert result_of(wanted[0])["metadata"] == {"client": "acme", "n": "0"}
    listed = run("python", shared, {"list": {"client": "acme"}, "limit": 2}).of("listed")[0]["jobs"]
    assert listed == ids[::-1]


def test_what_ran_can_be_read_back_without_the_key_of_its_partner_nodes(shared: RunningService, language: str) -> None:
    done = run(language, shared, {"workflow": flat(4), "api_key": "comfyui-secret", "events": False})
    assert done.of("workflow")[0]["graph"] == flat(4)
    eventually(lambda: result_of(done)["status"] == "succeeded")
    files = list(shared.data.glob("wakebrush.db*"))
    assert files and not any(b"comfyui-secret" in path.read_bytes() for path in files)

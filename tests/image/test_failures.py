"""What breaks on a machine or is taken from it, and what an artist and an admin have of it then."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.image.lab.asking import ask
from tests.image.lab.scene import PICTURE_SECONDS, WAKE_SECONDS, Scene
from tests.support.pictures import opened
from wake_service.aws.tags import LEASE_UNTIL, moment_text


def test_a_machine_whose_agent_is_frozen_is_stopped_by_its_monitor(scene: Callable[..., Scene]) -> None:
    studio = scene()
    studio.paint()
    studio.service.kill()
    studio.machine.run("systemctl", "kill", "--signal=SIGSTOP", "wakebrush-agent.service")
    studio.until_state("stopped")


def test_a_machine_whose_monitor_is_gone_is_stopped_by_the_reaper_alone(scene: Callable[..., Scene]) -> None:
    studio = scene(reaper_seconds=1)
    studio.paint()
    studio.machine.run("systemctl", "mask", "--runtime", "--now", "wakebrush-idle.timer", "wakebrush-idle.service")
    studio.service.kill()
    said: list[str] = []

    def reaped() -> bool:
        studio.tag(LEASE_UNTIL, moment_text(time.time() - 1))  # as if the time had passed for which the last work gave it one
        done = studio.service.command("aws", "reap", "--once")
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
        return studio.ids[0] in done.stdout

    studio.until(reaped, 60, "the reaper finding it")
    studio.until_state("stopped", seconds=30)
    assert "nobody's work was on it" in said[-1]


def test_an_engine_that_is_killed_for_memory_once_paints_the_picture_all_the_same(scene: Callable[..., Scene]) -> None:
    studio = scene()
    studio.imitate(fail="crash@2", fail_first=1, fail_counter="/var/lib/comfyui/user/failures")
    job = studio.paint()
    assert (job["state"], job["error"]) == ("succeeded", None)
    assert opened(studio.artist.result(job["id"]))


@pytest.mark.parametrize("fails", ["oom@2", "crash@2"], ids=["gpu", "machine"])
def test_memory_that_runs_out_each_time_ends_the_job_in_a_sentence_that_says_what_to_do(
    scene: Callable[..., Scene], fails: str
) -> None:
    studio = scene()
    studio.imitate(fail=fails)
    job = studio.paint()
    assert (job["state"], job["error"]["code"]) == ("failed", "engine_out_of_memory")
    assert "memory" in job["error"]["message"]
    assert job["error"]["hint"], "what to do now"


def test_a_picture_that_a_spot_notice_interrupts_arrives_from_another_machine(scene: Callable[..., Scene]) -> None:
    studio = scene(machines=2, spot=True, pool_maximum=2)
    for n in range(2):
        studio.imitate(n, step_seconds=1.5)
    job = studio.artist.generate()
    studio.until(lambda: studio.artist.job(job["id"])["state"] == "running", WAKE_SECONDS, "the picture being painted")
    first = studio.artist.job(job["id"])["machine"]
    studio.account.do(lambda cloud: cloud.interrupt(first, notice=15))
    done = studio.finished(job["id"], PICTURE_SECONDS + 2 * WAKE_SECONDS)
    assert (done["state"], done["error"]) == ("succeeded", None)
    assert done["machine"] in set(studio.ids) - {first}
    studio.until_state("stopped", studio.ids.index(first))


def test_a_prompt_that_arrives_between_the_last_look_and_the_stop_is_done_and_not_lost(scene: Callable[..., Scene]) -> None:
    studio = scene()
    studio.set_up(look_again_seconds=6)
    studio.paint()
    door = "/run/wakebrush/door/closed-by-monitor"
    studio.until(lambda: studio.machine.container.result("test", "-e", door).returncode == 0, 60, "the door being closed")
    refused = ask(studio.machine.address, "/prompt", studio.token(), method="POST", json={"prompt": {}})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    job = studio.paint()
    assert (job["state"], job["error"]) == ("succeeded", None)
    assert opened(studio.artist.result(job["id"]))

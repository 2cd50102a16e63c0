"""Results stay until they are acknowledged, across restarts, within the bounds that an admin has set."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cloud_image.agent.keeper import DAY, PERIOD, Keeper
from cloud_image.agent.state import Facts, State
from cloud_image.paths import Paths
from tests.unit.cloud_image.agent.conftest import Background, soon
from tests.unit.cloud_image.agent.fakes import finished, nothing
from wake_service.clock import ManualClock, settle

GIB = 1024**3


class Bench:
    """One machine's disk, and the keeper of each of its lives."""

    def __init__(self, paths: Paths, clock: ManualClock, background: Background) -> None:
        self.paths, self.clock, self.background = paths, clock, background
        self.free = 100 * GIB
        self.output = paths.engine_data / "output"

    def live(self) -> Keeper:
        self.state = State(Facts(machine="m", boot="b"), self.clock.now)
        keeper = Keeper(
            self.paths.kept,
            self.output,
            self.state,
            self.clock,
            keep_days=7,
            keep_free_gib=5,
            free=lambda: self.free,
            beat=nothing,
        )
        keeper.load()
        self.background(keeper.run())
        return keeper

    def paint(self, name: str, content: bytes = b"picture") -> Path:
        path = self.output / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    async def keep(self, keeper: Keeper, prompt_id: str, *names: str, at: float | None = None) -> None:
        keeper.finished([finished(prompt_id, *names, at=self.clock.now() if at is None else at)])
        await soon(lambda: keeper.result(prompt_id) is not None)

    @property
    def listed(self) -> list[str]:
        return [kept.prompt_id for kept in self.state.facts.kept]

    @property
    def sentences(self) -> list[str]:
        return [happening.sentence for happening in self.state.facts.happened]


@pytest.fixture
def bench(paths: Paths, clock: ManualClock, background: Background) -> Bench:
    return Bench(paths, clock, background)


async def test_what_a_prompt_left_is_listed_with_its_digest_and_can_be_read(bench: Bench) -> None:
    keeper = bench.live()
    bench.paint("a.png", b"first")
    bench.paint("wakebrush/b.webp", b"second!")
    await bench.keep(keeper, "p1", "a.png", "wakebrush/b.webp")
    (kept,) = bench.state.facts.kept
    assert (kept.prompt_id, kept.files, kept.size, kept.finished_at) == ("p1", 2, 12, bench.clock.now())
    result = keeper.result("p1")
    assert result is not None
    assert [(file.name, file.media_type, file.size) for file in result.files] == [
        ("a.png", "image/png", 5),
        ("b.webp", "image/webp", 7),
    ]
    assert result.files[1].sha256 == hashlib.sha256(b"second!").hexdigest()
    found = keeper.open("p1", 1)
    assert found is not None and os.read(found[0], 100) == b"second!"
    os.close(found[0])
    assert keeper.open("p1", 2) is None and keeper.open("p1", -1) is None and keeper.open("p2", 0) is None


async def test_results_outlive_the_agent_and_the_machine(bench: Bench) -> None:
    bench.paint("a.png")
    await bench.keep(bench.live(), "p1", "a.png")
    before = bench.state.facts.kept
    again = bench.live()
    assert bench.state.facts.kept == before and again.result("p1") is not None


async def test_acknowledged_results_go_with_their_files(bench: Bench) -> None:
    keeper = bench.live()
    path = bench.paint("a.png")
    await bench.keep(keeper, "p1", "a.png")
    keeper.forget(["p1", "unknown"])
    assert not path.exists() and not bench.listed and keeper.result("p1") is None
    bench.live()
    assert not bench.listed and not list(bench.paths.kept.iterdir())


async def test_a_file_that_two_prompts_left_stays_until_both_are_acknowledged(bench: Bench) -> None:
    keeper = bench.live()
    path = bench.paint("a.png")
    await bench.keep(keeper, "p1", "a.png")
    await bench.keep(keeper, "p2", "a.png")
    keeper.forget(["p1"])
    assert path.exists() and bench.listed == ["p2"]
    keeper.forget(["p2"])
    assert not path.exists()


async def test_what_was_acknowledged_before_it_was_booked_is_not_kept(bench: Bench) -> None:
    keeper = bench.live()
    path = bench.paint("a.png")
    keeper.forget(["p1"])
    keeper.finished([finished("p1", "a.png")])
    await soon(lambda: not path.exists())
    assert not bench.listed and not list(bench.paths.kept.iterdir())


async def test_a_prompt_that_failed_or_left_nothing_is_not_kept(bench: Bench) -> None:
    keeper = bench.live()
    bench.paint("a.png")
    keeper.finished(
        [finished("failed", "a.png", ok=False), finished("empty"), finished("gone", "gone.png"), finished("p1", "a.png")]
    )
    await soon(lambda: bench.listed)
    assert bench.listed == ["p1"]


async def test_no_file_outside_the_engines_folder_is_kept(bench: Bench) -> None:
    keeper = bench.live()
    secret = bench.paths.engine_data / "secret.png"
    secret.write_bytes(b"secret")
    (bench.output / "link.png").symlink_to(secret)
    bench.paint("good.png")
    keeper.finished([finished("p1", "../secret.png"), finished("p2", "link.png"), finished("p3", "good.png")])
    await soon(lambda: "p3" in bench.listed)
    assert bench.listed == ["p3"] and secret.exists()


async def test_a_file_that_has_changed_since_is_not_handed_out(bench: Bench) -> None:
    keeper = bench.live()
    path = bench.paint("a.png")
    await bench.keep(keeper, "p1", "a.png")
    path.write_bytes(b"another picture")
    assert keeper.open("p1", 0) is None


async def test_a_name_that_is_no_plain_id_stays_in_the_book(bench: Bench) -> None:
    keeper = bench.live()
    bench.paint("a.png")
    await bench.keep(keeper, "../../escape", "a.png")
    assert [path.parent for path in bench.paths.kept.parent.rglob("*.json")] == [bench.paths.kept]
    bench.live()
    assert bench.listed == ["../../escape"]


async def test_results_that_are_too_old_go_and_that_is_said(bench: Bench) -> None:
    keeper = bench.live()
    bench.paint("a.png")
    bench.paint("b.png")
    await bench.keep(keeper, "old", "a.png", at=bench.clock.now() - 7 * DAY + PERIOD / 2)
    await bench.keep(keeper, "new", "b.png")
    assert bench.listed == ["old", "new"]
    await bench.clock.advance(PERIOD)
    assert bench.listed == ["new"] and not (bench.output / "a.png").exists()
    assert "old" in bench.sentences[-1] and "nobody fetched them" in bench.sentences[-1]


async def test_the_oldest_results_go_while_the_disk_is_too_full(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = bench.live()
    for age, name in ((1, "c"), (3, "a"), (2, "b")):
        bench.paint(f"{name}.png")
        await bench.keep(keeper, name, f"{name}.png", at=bench.clock.now() - age)
    free = iter([4 * GIB, 4 * GIB, 6 * GIB])
    monkeypatch.setattr(keeper, "_free", lambda: next(free, 6 * GIB))
    await bench.clock.advance(PERIOD)
    assert bench.listed == ["c"]
    assert [sentence.split()[3] for sentence in bench.sentences] == ["a", "b"] and "nearly full" in bench.sentences[-1]


async def test_a_record_that_nobody_can_read_is_said_and_harms_no_other(bench: Bench) -> None:
    bench.paint("a.png")
    await bench.keep(bench.live(), "p1", "a.png")
    (bench.paths.kept / "broken.json").write_text("{")
    (bench.paths.kept / "strange.json").write_text('{"prompt_id": "p2"}')
    (bench.paths.kept / ".draft.json.1234").write_text("{")
    bench.live()
    assert bench.listed == ["p1"] and len(bench.sentences) == 2
    assert not list(bench.paths.kept.glob(".*"))


async def test_a_book_that_cannot_be_written_is_said_and_the_agent_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = bench.live()
    bench.paint("a.png")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cloud_image.agent.keeper.replace_file", full)
        keeper.finished([finished("p1", "a.png")])
        await soon(lambda: bench.sentences)
    assert "could not be kept" in bench.sentences[-1]
    await settle()
    await bench.keep(keeper, "p2", "a.png")

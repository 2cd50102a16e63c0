"""Names of new files beside those that are there, in a real database."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.house import empty_database
from tests.unit.jobs.studio import Studio
from wake_service.blobs.records import expect_bytes, granted
from wake_service.files import records
from wake_service.files.model import FileName, parse
from wake_service.store.store import Store, Transaction


class Cabinet:
    """Two artists' folders; a file's content is a word."""

    def __init__(self, studio: Studio) -> None:
        self.store, self.studio = studio.store, studio
        self.mira, self.noor = studio.mira.artist_id, studio.noor.artist_id
        self.now = 1_800_000_000.0

    async def _write(self, word: str, work: Callable[..., FileName], **more: Any) -> FileName:
        sha256 = hashlib.sha256(word.encode()).hexdigest()

        def both(tx: Transaction) -> FileName:
            expect_bytes(tx, sha256, self.now)
            return work(tx, sha256=sha256, size=len(word), media_type="image/png", now=self.now, **more)

        return await self.store.write(both)

    async def upload(self, path: str, word: str, *, overwrite: bool = False, artist: str = "") -> str:
        add = partial(records.add_upload, artist_id=artist or self.mira, name=parse(path), overwrite=overwrite)
        return (await self._write(word, add)).annotated

    async def output(self, path: str, word: str, job: str = "job-1", *, folder: str = "output", artist: str = "") -> str:
        subfolder, _, name = path.rpartition("/")
        add = partial(records.add_output, artist_id=artist or self.mira, folder=folder, subfolder=subfolder, name=name)
        return (await self._write(word, add, job_id=job, node_id="9")).path

    async def sent(self, name: str, word: str, job: str = "job-1") -> str:
        """A picture that came over the socket alone."""
        add = partial(records.add_named, artist_id=self.mira, name=FileName("temp", "websocket", name))
        return (await self._write(word, add, job_id=job, node_id="9")).path

    async def listed(self, folder: str = "input", subfolder: str | None = None, artist: str = "") -> list[str]:
        found = await self.store.read(lambda conn: records.listing(conn, artist or self.mira, folder, subfolder))
        return [file.name.path for file in found]


@pytest.fixture
async def cabinet(tmp_path: Path) -> AsyncIterator[Cabinet]:
    (tmp_path / "test.db").write_bytes(empty_database())
    store = Store.sqlite(tmp_path / "test.db")
    yield Cabinet(await Studio(store).open())
    store.close()


async def test_the_same_content_keeps_its_name_and_other_content_gets_one_of_its_own(cabinet: Cabinet) -> None:
    assert await cabinet.upload("a.png", "red") == "a.png"
    assert await cabinet.upload("a.png", "red") == "a.png"
    assert await cabinet.upload("a.png", "blue") == "a (1).png"
    assert await cabinet.upload("a.png", "green") == "a (2).png"
    assert await cabinet.upload("a.png", "blue") == "a (1).png"
    assert await cabinet.upload("sub/a.png", "blue") == "sub/a.png"
    assert await cabinet.upload("a.png [temp]", "blue") == "a.png [temp]"
    assert await cabinet.listed() == ["a (1).png", "a (2).png", "a.png", "sub/a.png"]


async def test_overwriting_replaces_the_content_under_the_same_name(cabinet: Cabinet) -> None:
    await cabinet.upload("a.png", "red")
    assert await cabinet.upload("a.png", "blue", overwrite=True) == "a.png"
    found = await cabinet.store.read(lambda conn: records.find(conn, cabinet.mira, parse("a.png")))
    assert found is not None and found.sha256 == hashlib.sha256(b"blue").hexdigest() and found.size == 4
    assert await cabinet.listed() == ["a.png"]


async def test_each_artist_has_names_of_her_own_and_sees_no_others(cabinet: Cabinet) -> None:
    assert await cabinet.upload("a.png", "red") == "a.png"
    assert await cabinet.upload("a.png", "blue", artist=cabinet.noor) == "a.png"
    assert await cabinet.output("x_00001_.png", "1") == "x_00001_.png"
    assert await cabinet.output("x_00001_.png", "2", "job-2", artist=cabinet.noor) == "x_00001_.png"
    blue = hashlib.sha256(b"blue").hexdigest()
    assert not await cabinet.store.read(lambda conn: granted(conn, cabinet.mira, blue))
    assert await cabinet.store.read(lambda conn: granted(conn, cabinet.noor, blue))


async def test_outputs_of_jobs_that_each_count_from_one_are_counted_on(cabinet: Cabinet) -> None:
    assert await cabinet.output("ComfyUI_00001_.png", "1", "job-1") == "ComfyUI_00001_.png"
    assert await cabinet.output("ComfyUI_00002_.png", "2", "job-1") == "ComfyUI_00002_.png"
    assert await cabinet.output("ComfyUI_00001_.png", "3", "job-2") == "ComfyUI_00003_.png"
    assert await cabinet.output("other_00001_.png", "4", "job-2") == "other_00001_.png"
    assert await cabinet.output("day/ComfyUI_00001_.png", "5", "job-2") == "day/ComfyUI_00001_.png"
    assert await cabinet.output("ComfyUI_00001_.png", "6", "job-2", folder="temp") == "ComfyUI_00001_.png"


async def test_what_bears_one_number_in_a_job_bears_one_number_here(cabinet: Cabinet) -> None:
    await cabinet.output("film_00001_.png", "earlier", "job-1")
    assert await cabinet.output("film_00001.png", "first picture", "job-2") == "film_00002.png"
    assert await cabinet.output("film_00001.mp4", "film", "job-2") == "film_00002.mp4"
    assert await cabinet.output("film_00001-audio.mp4", "film with sound", "job-2") == "film_00002-audio.mp4"
    assert await cabinet.output("film_00002.png", "the next", "job-2") == "film_00003.png"


async def test_two_jobs_at_once_never_share_a_number(cabinet: Cabinet) -> None:
    given = [
        await cabinet.output(f"ComfyUI_{number:05}_.png", f"{job} {number}", job)
        for number in (1, 2, 3)
        for job in ("job-1", "job-2")
    ]
    assert len(set(given)) == 6 and given[0] == "ComfyUI_00001_.png"


JOBS_AND_NAMES = st.tuples(
    st.sampled_from(["job-1", "job-2", "job-3"]),
    st.builds("x_{:05}{}".format, st.integers(1, 12), st.sampled_from(["_.png", ".mp4"])),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(JOBS_AND_NAMES, max_size=12), there=st.lists(st.sampled_from([9, 99999, 100000, 7, 3]), max_size=3))
async def test_whatever_jobs_make_in_whatever_order_no_two_files_get_one_name(
    cabinet: Cabinet, made: list[tuple[str, str]], there: list[int]
) -> None:
    place = uuid.uuid4().hex
    given_names = [await cabinet.upload(f"{place}/x_{number:05}_.png [output]", str(number)) for number in set(there)]
    numbers: dict[str, str] = {str(number): "nobody" for number in there}
    for turn, (job, name) in enumerate(made):
        path = await cabinet.output(f"{place}/{name}", f"{turn}", job)
        number = str(int(path.rpartition("x_")[2][:9].partition("_")[0].partition(".")[0]))
        assert numbers.setdefault(number, job) == job, "two jobs share a number"
        given_names.append(f"{path} [output]")
    assert len(set(given_names)) == len(given_names)


async def test_a_job_that_is_made_anew_replaces_only_names_without_a_number(cabinet: Cabinet) -> None:
    assert await cabinet.output("result.png", "first", "job-1") == "result.png"
    assert await cabinet.output("result.png", "anew", "job-1") == "result.png"
    assert await cabinet.output("result.png", "another's", "job-2") == "result (1).png"
    assert await cabinet.output("ComfyUI_00001_.png", "1", "job-1") == "ComfyUI_00001_.png"
    assert await cabinet.output("ComfyUI_00001_.png", "1 anew", "job-1") == "ComfyUI_00002_.png"


@pytest.mark.parametrize("taken", ["ComfyUI_99999_.png", "ComfyUI_100000_.png", "ComfyUI_7_.png", "ComfyUI_20261126_notes.txt"])
async def test_numbers_of_other_lengths_are_counted_too(cabinet: Cabinet, taken: str) -> None:
    await cabinet.upload("ComfyUI_00003_.png [output]", "3")
    await cabinet.upload(f"{taken} [output]", "odd")
    given = await cabinet.output("ComfyUI_00001_.png", "new", "job-1")
    assert given not in (taken, "ComfyUI_00003_.png")
    assert await cabinet.output("ComfyUI_00001_.png", "newer", "job-2") not in (taken, given, "ComfyUI_00003_.png")


async def test_a_job_s_files_come_in_the_order_of_making(cabinet: Cabinet) -> None:
    names = ["z_00001_.png", "a_00001_.png", "m.txt"]
    for name in names:
        await cabinet.output(name, name, "job-1")
    await cabinet.output("b_00001_.png", "other job", "job-2")
    made = await cabinet.store.read(lambda conn: records.of_job(conn, "job-1"))
    assert [file.name.name for file in made] == names and {file.node_id for file in made} == {"9"}


async def test_a_removed_file_is_gone_for_its_artist_only(cabinet: Cabinet) -> None:
    await cabinet.upload("a.png", "red")
    await cabinet.upload("a.png", "red", artist=cabinet.noor)
    assert await cabinet.store.write(lambda tx: records.remove(tx, cabinet.mira, parse("a.png")))
    assert not await cabinet.store.write(lambda tx: records.remove(tx, cabinet.mira, parse("a.png")))
    assert await cabinet.listed() == [] and await cabinet.listed(artist=cabinet.noor) == ["a.png"]


async def test_what_a_node_names_badly_is_kept_all_the_same(cabinet: Cabinet) -> None:
    assert await cabinet.output("../C:/a\\b_00001_.png", "1") == "_/C_/a_b_00001_.png"
    assert await cabinet.output("a\0.png [temp]", "2") == "a_.png"


async def test_a_picture_named_after_its_job_is_one_file_however_often_it_is_stored(cabinet: Cabinet) -> None:
    assert await cabinet.sent("job-1_9_00001.png", "red") == "websocket/job-1_9_00001.png"
    assert await cabinet.sent("job-1_9_00001.png", "red") == "websocket/job-1_9_00001.png"
    assert await cabinet.listed("temp") == ["websocket/job-1_9_00001.png"]


async def test_another_picture_under_a_name_made_of_a_job_s_does_not_replace_the_first(cabinet: Cabinet) -> None:
    first = await cabinet.sent("job-1_a/b_00001.png", "red")
    assert await cabinet.sent("job-1_a_b_00001.png", "blue") != first
    assert await cabinet.sent("job-1_a_b_00001.png", "red", "job-2") != first
    assert len(await cabinet.listed("temp")) == 3


async def test_pictures_named_after_their_job_are_listed_in_the_order_of_making(cabinet: Cabinet) -> None:
    for name in ("job-1_9_00002.png", "job-1_9_00001.png"):
        await cabinet.sent(name, name)
    made = await cabinet.store.read(lambda conn: records.of_job(conn, "job-1"))
    assert [file.name.name for file in made] == ["job-1_9_00002.png", "job-1_9_00001.png"]

"""Words that are offered while she types."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.session.lanes import Bridge, Lanes
from wakebrush.session.tags import OWN_WORDS, Tag, TagIndex, Tags, UnreadableList, read_list

DANBOORU = '1girl,0,5000000,"1girls,sole_female"\nlong_hair,0,3000000,/lh\nhair_ornament,0,90,\nsword_(weapon),4,12,\n'


@pytest.fixture
def lanes(qapp: object) -> Iterator[Lanes]:
    made = Lanes(Bridge())
    yield made
    assert made.close(3.0)


def names(tags: list[Tag]) -> list[str]:
    return [tag.name for tag in tags]


def test_there_are_painting_words_each_once_with_a_chinese_one_beside_it() -> None:
    words = read_list(OWN_WORDS)
    assert len(words) >= 400 and len({word.name for word in words}) == len(words)
    assert all(any("\u4e00" <= sign <= "\u9fff" for alias in word.aliases for sign in alias) for word in words)


def test_beginnings_come_first_then_other_names_then_words_inside() -> None:
    index = TagIndex([Tag("hair ornament"), Tag("long_hair", count=9), Tag("fur", aliases=("hairy",)), Tag("chair", count=99)])
    assert names(index.find("hair")) == ["hair ornament", "fur", "long_hair"]
    assert names(index.find("Long H")) == names(index.find("long_h")) == ["long_hair"]
    assert index.find("air") == [] == index.find("  ")


def test_more_common_tags_come_first_and_no_more_than_asked_for() -> None:
    index = TagIndex([Tag("sea green", count=1), Tag("sea", count=50), Tag("seal", count=7)])
    assert names(index.find("sea")) == ["sea", "seal", "sea green"]
    assert names(index.find("sea", limit=2)) == ["sea", "seal"]


def test_chinese_words_find_the_english_ones() -> None:
    index = TagIndex(read_list(OWN_WORDS))
    assert names(index.find("水彩")) == ["watercolor"]
    assert names(index.find("watercolour")) == ["watercolor"]


def test_a_list_of_tags_as_they_are_passed_around_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text("\ufeff" + DANBOORU + "\n,,,\nx\n" + "y" * 30_000 + "\n", encoding="utf-8")
    tags = read_list(path)
    assert names(tags) == ["1girl", "long_hair", "hair_ornament", "sword_(weapon)", "x"]
    assert tags[0] == Tag("1girl", "0", 5_000_000, ("1girls", "sole_female"))


def test_a_first_line_with_the_columns_names_is_no_tag(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("name,category,count,aliases\nfox,0,1,\n", encoding="utf-8")
    assert names(read_list(tmp_path / "tags.csv")) == ["fox"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "There are no words in tags.csv."),
        (b"\xff\xfe\x00name", "tags.csv is no list of words."),
    ],
)
def test_what_is_no_list_is_said_in_a_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "tags.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableList) as raised:
        read_list(path)
    assert sentence in str(raised.value)


def test_a_list_of_hers_is_copied_read_off_the_gui_thread_and_can_be_removed(tmp_path: Path, lanes: Lanes, qtbot: QtBot) -> None:
    chosen, folder, told = tmp_path / "danbooru.txt", tmp_path / "krita" / "words", []
    chosen.write_text(DANBOORU, encoding="utf-8")
    tags = Tags(lanes, folder)
    assert tags.find("fo") == [] and len(tags) == 0
    with qtbot.waitSignal(tags.changed, timeout=5000):
        tags.load(told.append)
    own = len(tags)
    with qtbot.waitSignal(tags.changed, timeout=5000):
        tags.add(chosen, told.append)
    chosen.unlink()
    assert tags.names() == ["danbooru.csv"] and len(tags) == own + 4 - 1  # "long hair" is in both
    assert names(tags.find("1g")) == ["1girl"]
    with qtbot.waitSignal(tags.changed, timeout=5000):
        tags.add(folder / "danbooru.csv", told.append)  # the copy itself
    with qtbot.waitSignal(tags.changed, timeout=5000):
        tags.remove("danbooru.csv", told.append)
    assert tags.names() == [] and tags.find("1g") == [] and told == []


def test_a_broken_list_is_told_and_the_others_are_used(tmp_path: Path, lanes: Lanes, qtbot: QtBot) -> None:
    (tmp_path / "good.csv").write_text(DANBOORU, encoding="utf-8")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe")
    told: list[Exception] = []
    tags = Tags(lanes, tmp_path)
    tags.load(told.append)
    qtbot.waitUntil(lambda: len(told) == 1, timeout=5000)
    assert "bad.csv" in str(told[0]) and names(tags.find("1g")) == ["1girl"]


def test_a_list_that_cannot_be_kept_is_told(tmp_path: Path, lanes: Lanes, qtbot: QtBot) -> None:
    chosen, told = tmp_path / "a.csv", []
    chosen.write_text(DANBOORU, encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    Tags(lanes, tmp_path / "file" / "words").add(chosen, told.append)
    qtbot.waitUntil(lambda: len(told) == 1, timeout=5000)
    assert "could not be kept" in str(told[0])


def test_a_key_is_answered_quickly_with_two_hundred_thousand_tags(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((f"word_{n}_of_a_long_list", 0, n, f"alias {n}") for n in range(200_000))
    index = TagIndex(read_list(path))
    begun = time.perf_counter()
    for typed in ("zzz", "word 1", "long", "alias 199999"):
        index.find(typed)
    assert (time.perf_counter() - begun) / 4 < 0.05

"""A newer plugin: whole or not at all, used from the next start; the old one comes back if the new one cannot start."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from wakebrush import bootstrap, updates
from wakebrush.bootstrap import BEFORE, FAILED, NEXT
from wakebrush.updates import NotInstalled, Offer, stage

GOOD = {
    "wakebrush.desktop": "[Desktop]",
    "actions/wakebrush.action": "<ActionCollection>",
    "wakebrush/__init__.py": "",
    "wakebrush/version.py": 'VERSION = "0.2.0"\nAPI = 1\n',
}


def zipped(files: dict[str, str]) -> tuple[bytes, Offer]:
    """A zip and the offer that belongs to it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    data = content.getvalue()
    return data, Offer("0.2.0", "/plugin/wakebrush-krita-0.2.0.zip", hashlib.sha256(data).hexdigest(), 1)


pytestmark = pytest.mark.usefixtures("kept_modules")


@pytest.fixture
def pykrita(tmp_path: Path) -> Path:
    """Krita's folder of plugins, with ours in version 0.1.0."""
    package = tmp_path / "pykrita" / "wakebrush"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "version.py").write_text('VERSION = "0.1.0"\n')
    return tmp_path / "pykrita"


def version_in(folder: Path) -> str:
    return (folder / "version.py").read_text().split('"')[1]


@pytest.mark.parametrize(
    ("offered", "api", "wanted"),
    [("0.1.1", 1, True), ("0.10.0", 1, True), ("0.1.0", 1, False), ("0.0.9", 1, False), ("0.0.9", 0, True), ("0.1.0", 0, False)],
)
def test_what_is_newer_is_wanted_and_an_older_one_only_where_the_service_needs_it(offered: str, api: int, wanted: bool) -> None:
    assert Offer(offered, "/plugin/x.zip", "", api).is_wanted(version="0.1.0", api=1) is wanted


def test_an_offer_leads_nowhere_else() -> None:
    told = {"version": "0.2.0", "url": "/plugin/wakebrush-krita-0.2.0.zip", "sha256": "ab", "api": 1}
    assert Offer.parse(told) == Offer("0.2.0", "/plugin/wakebrush-krita-0.2.0.zip", "ab", 1)
    for wrong in ("https://evil.example/x.zip", "//evil.example/x.zip", "/plugin/../v1/me", "/v1/me"):
        with pytest.raises(ValueError):
            Offer.parse({**told, "url": wrong})
    with pytest.raises(ValueError):
        Offer.parse({**told, "version": "0.2.0; rm"})


def test_a_plugin_waits_until_krita_starts_and_then_takes_its_place(pykrita: Path) -> None:
    stage(*zipped(GOOD), pykrita)
    assert version_in(pykrita / "wakebrush") == "0.1.0", "what runs is left alone"
    assert bootstrap.take_up(pykrita)
    assert version_in(pykrita / "wakebrush") == "0.2.0" and version_in(pykrita / BEFORE) == "0.1.0"
    assert (pykrita / "wakebrush.desktop").is_file() and not (pykrita / NEXT).exists()
    assert (pykrita.parent / "actions" / "wakebrush.action").read_text() == "<ActionCollection>"
    assert not bootstrap.take_up(pykrita), "it is taken up once"


def test_what_arrived_damaged_changes_nothing(pykrita: Path) -> None:
    content, offer = zipped(GOOD)
    with pytest.raises(NotInstalled, match="damaged"):
        stage(content[:-1], offer, pykrita)
    assert not (pykrita / NEXT).exists()


@pytest.mark.parametrize(
    "files",
    [
        {**GOOD, "../evil.py": "x"},
        {**GOOD, "/etc/evil": "x"},
        {**GOOD, "other/__init__.py": "x"},
        {**GOOD, "actions/other.action": "x"},
        {**GOOD, "wakebrush/..\\..\\evil": "x"},
        {**GOOD, "wakebrush/version.py": 'VERSION = "9.9.9"\n'},
        {name: text for name, text in GOOD.items() if name != "wakebrush.desktop"},
        {name: text for name, text in GOOD.items() if name != "wakebrush/__init__.py"},
        {"readme": "x"},
        {},
    ],
)
def test_what_is_not_the_plugin_that_was_offered_changes_nothing(pykrita: Path, files: dict[str, str]) -> None:
    content, offer = zipped(files)
    before = sorted(pykrita.rglob("*"))
    with pytest.raises(NotInstalled, match="Tell your admin"):
        stage(content, offer, pykrita)
    assert sorted(pykrita.rglob("*")) == before


def test_a_zip_that_would_fill_the_disk_is_refused(pykrita: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "_MOST_UNPACKED", 10)
    with pytest.raises(NotInstalled):
        stage(*zipped(GOOD), pykrita)


def test_what_is_no_zip_is_refused(pykrita: Path) -> None:
    offer = Offer("0.2.0", "", hashlib.sha256(b"x").hexdigest(), 1)
    with pytest.raises(NotInstalled, match="not a plugin"):
        stage(b"x", offer, pykrita)


def test_a_folder_that_takes_nothing_is_named(pykrita: Path) -> None:
    with pytest.raises(NotInstalled, match="Ask your admin"):
        stage(*zipped(GOOD), pykrita / "wakebrush" / "version.py")


def test_staging_again_replaces_what_waits(pykrita: Path) -> None:
    (pykrita / f"{NEXT}.part").mkdir()
    for text in ("first", "second"):
        stage(*zipped({**GOOD, "wakebrush/note": text}), pykrita)
    assert (pykrita / NEXT / "wakebrush" / "note").read_text() == "second"


@pytest.fixture
def started() -> list[str]:
    return []


def starter(pykrita: Path, started: list[str], broken: str = "") -> Callable[[], None]:
    """Notes which version is started; `broken` is one that cannot."""

    def start() -> None:
        version = version_in(pykrita / "wakebrush")
        started.append(version)
        if version == broken:
            raise ImportError("a part is missing")

    return start


def test_the_usual_start_starts_what_is_there(pykrita: Path, started: list[str]) -> None:
    bootstrap.start(pykrita, starter(pykrita, started))
    assert started == ["0.1.0"]


def test_a_new_plugin_that_starts_stays(pykrita: Path, started: list[str]) -> None:
    stage(*zipped(GOOD), pykrita)
    bootstrap.start(pykrita, starter(pykrita, started))
    bootstrap.start(pykrita, starter(pykrita, started))
    assert started == ["0.2.0", "0.2.0"]


def test_a_new_plugin_that_cannot_start_gives_way_to_the_one_before(pykrita: Path, started: list[str]) -> None:
    stage(*zipped(GOOD), pykrita)
    bootstrap.start(pykrita, starter(pykrita, started, broken="0.2.0"))
    assert started == ["0.2.0", "0.1.0"]
    assert version_in(pykrita / "wakebrush") == "0.1.0" and version_in(pykrita / FAILED) == "0.2.0"
    bootstrap.start(pykrita, starter(pykrita, started, broken="0.2.0"))
    assert started[2:] == ["0.1.0"], "it is not tried again"


def test_an_old_plugin_that_cannot_start_is_krita_to_tell(pykrita: Path, started: list[str]) -> None:
    with pytest.raises(ImportError):
        bootstrap.start(pykrita, starter(pykrita, started, broken="0.1.0"))
    assert started == ["0.1.0"]


def test_a_folder_that_cannot_be_changed_keeps_the_old_plugin(
    pykrita: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(*zipped(GOOD), pykrita)
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if self.parent.name == NEXT:
            raise PermissionError(13, "in use")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    bootstrap.start(pykrita, starter(pykrita, started))
    assert started == ["0.1.0"] and version_in(pykrita / "wakebrush") == "0.1.0"


def test_the_modules_of_the_plugin_before_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    package = "plugin_under_test"
    monkeypatch.setattr(bootstrap, "_PACKAGE", package)
    monkeypatch.setattr(bootstrap, "__name__", f"{package}.bootstrap")
    for name in (package, f"{package}.bootstrap", f"{package}.plugin", f"{package}.ui.panel", f"{package}_other"):
        monkeypatch.setitem(sys.modules, name, sys)
    bootstrap._forget()
    left = sorted(name for name in sys.modules if name.startswith(package))
    assert left == [package, f"{package}.bootstrap", f"{package}_other"]

"""How ComfyUI is started on which machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cloud_image.engine.flags import ROOMY_BYTES, Hardware, flags
from cloud_image.engine.hardware import hardware
from cloud_image.paths import Paths
from cloud_image.settings import EngineSettings, GuardSettings, Settings

GIB = 1024**3
PATHS = Paths()
SMALL = Hardware(memory=16 * GIB, gpu=True, fast_disk=False)
LARGE = replace(SMALL, memory=64 * GIB)
CACHES = {"--cache-none", "--cache-lru", "--cache-classic", "--cache-ram", "--high-ram"}


def started(machine: Hardware, *theirs: str, frugal: bool = False, model_paths: bool = True) -> list[str]:
    return flags(machine, Settings(engine=EngineSettings(flags=list(theirs))), PATHS, frugal=frugal, model_paths=model_paths)


def value(line: list[str], flag: str) -> str:
    return line[line.index(flag) + 1]


def test_it_listens_on_loopback_only_and_writes_into_its_own_folders_only() -> None:
    line = started(SMALL)
    assert (value(line, "--listen"), value(line, "--port")) == ("127.0.0.1", "8188")
    for flag in ("--input-directory", "--output-directory", "--temp-directory", "--user-directory"):
        assert Path(value(line, flag)).is_relative_to(PATHS.engine_data)
    assert value(line, "--database-url") == "sqlite:////var/lib/comfyui/user/comfyui.db"
    assert {"--disable-assets", "--disable-auto-launch"} <= set(line)


def test_it_takes_as_large_files_as_the_guard_lets_in() -> None:
    line = flags(SMALL, Settings(guard=GuardSettings(max_upload_mib=250)), PATHS, frugal=False, model_paths=True)
    assert value(line, "--max-upload-size") == "250"


def test_a_list_of_models_folders_that_is_not_there_is_not_named() -> None:
    assert value(started(SMALL), "--extra-model-paths-config") == str(PATHS.model_paths)
    assert "--extra-model-paths-config" not in started(SMALL, model_paths=False)


def test_a_machine_without_a_gpu_paints_on_its_processor() -> None:
    assert "--cpu" in started(replace(SMALL, gpu=False))
    assert "--cpu" not in started(SMALL), "a driver that does not work must not make pictures take an hour"


def test_models_stay_in_memory_where_there_is_room_and_the_disk_is_slow() -> None:
    assert "--high-ram" in started(LARGE)
    assert "--high-ram" in started(replace(SMALL, memory=ROOMY_BYTES))
    assert not CACHES & set(started(replace(SMALL, memory=ROOMY_BYTES - 1)))
    line = started(replace(LARGE, fast_disk=True))
    assert "--fast-disk" in line and "--high-ram" not in line


@pytest.mark.parametrize("machine", [SMALL, LARGE, replace(LARGE, fast_disk=True)])
def test_an_engine_that_ran_out_of_memory_keeps_nothing(machine: Hardware) -> None:
    line = started(machine, frugal=True)
    assert CACHES & set(line) == {"--cache-none"} and "--disable-pinned-memory" in line


@pytest.mark.parametrize("theirs", [("--cache-lru", "5"), ("--high-ram",), ("--cache-ram=4",), ("--cache-none",)])
@pytest.mark.parametrize("frugal", [True, False])
def test_the_admins_flags_come_last_and_never_clash_with_ours(theirs: tuple[str, ...], frugal: bool) -> None:
    line = started(LARGE, *theirs, frugal=frugal)
    assert line[-len(theirs) :] == list(theirs)
    assert len([flag for flag in line if flag.split("=")[0] in CACHES]) == 1


def test_an_admin_may_choose_the_device() -> None:
    assert "--cpu" not in started(replace(SMALL, gpu=False), "--lowvram")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       65536000 kB\nMemFree: 1 kB\n", encoding="ascii")
    return tmp_path


def add_device(root: Path, name: str, vendor: str, kind: str) -> None:
    device = root / "sys/bus/pci/devices" / name
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n", encoding="ascii")
    (device / "class").write_text(f"{kind}\n", encoding="ascii")


def test_a_gpu_is_known_by_its_hardware_not_by_its_driver(root: Path) -> None:
    assert hardware(Paths(root)) == Hardware(65_536_000 * 1024, gpu=False, fast_disk=False)
    add_device(root, "0000:00:03.0", "0x1d0f", "0x030000")
    add_device(root, "0000:00:04.0", "0x10de", "0x040300")
    assert not hardware(Paths(root)).gpu, "the cloud's console, and the sound of an NVIDIA card"
    add_device(root, "0000:00:1e.0", "0x10de", "0x030200")
    assert hardware(Paths(root)).gpu


def test_a_machine_that_does_not_say_how_large_it_is_is_a_sentence(root: Path) -> None:
    (root / "proc/meminfo").write_text("", encoding="ascii")
    with pytest.raises(ValueError, match="how much memory"):
        hardware(Paths(root))

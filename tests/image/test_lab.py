"""The lab itself: a run that was killed leaves nothing behind for ever, and a machine reaches nobody outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pynvml
import pytest

from tests.image.lab import gpu
from tests.image.lab.container import Container
from tests.image.lab.leftovers import PREFIX, Leftovers, mounts_below
from tests.image.lab.network import Network
from tests.image.lab.roots import Disk
from tests.image.lab.sources import ROOT
from tests.image.lab.workplace import Workplace
from tests.support.running_service import eventually

#: Boots a machine in a folder, says so, and waits for its end.
BOOT = """
import sys, time
from pathlib import Path
from tests.image.lab.container import Container
from tests.image.lab.leftovers import Leftovers
from tests.image.lab.network import Network
from tests.image.lab.roots import Disk, Layers
leftovers = Leftovers(Path(sys.argv[1]))
leftovers.begin()
disk = Disk(leftovers.folder / "disk", Layers((Path(sys.argv[2]),)))
disk.mount()
network = Network()
container = Container(sys.argv[3], disk.root, leftovers)
container.start(network.path)
container.until_booted()
print("booted", flush=True)
time.sleep(600)
"""


def groups(name: str) -> list[Path]:
    return list(Path("/sys/fs/cgroup").glob(f"*/{PREFIX}{name}")) + list(Path("/sys/fs/cgroup").glob(f"{PREFIX}{name}"))


def test_what_a_killed_run_leaves_is_taken_away_by_the_next(workplace: Workplace, tmp_path: Path) -> None:
    (base,) = workplace.base().folders
    folder, name = tmp_path / "run", f"killed-{os.getpid()}"
    command = [sys.executable, "-c", BOOT, str(folder), str(base), name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stdout is not None and run.stdout.readline() == "booted\n"
        run.send_signal(signal.SIGKILL)
    left = [int(pid) for group in groups(name) for listed in group.rglob("cgroup.procs") for pid in listed.read_text().split()]
    assert left and mounts_below(folder), "it was killed in the middle"
    again = Leftovers(folder)
    again.begin()
    assert (groups(name), mounts_below(folder), list(folder.iterdir())) == ([], [], [])
    eventually(lambda: not [pid for pid in left if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"])
    again.end()


def test_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    first = Leftovers(tmp_path / "run")
    first.begin()
    with pytest.raises(BlockingIOError, match="Another run"):
        Leftovers(tmp_path / "run").begin()
    first.end()


@pytest.fixture
def bare(workplace: Workplace) -> Iterator[Container]:
    """A clean Debian that has booted, in a network of its own."""
    disk = Disk(workplace.leftovers.folder / "disks" / "bare", workplace.base())
    disk.mount()
    network = Network()
    container = Container("bare", disk.root, workplace.leftovers)
    container.start(network.path)
    container.until_booted()
    yield container
    container.halt()
    assert container.wait_for_end(60)
    network.close()
    disk.unmount()


def test_a_machine_reaches_nothing_outside_of_itself(workplace: Workplace, bare: Container) -> None:
    assert bare.run("ip", "-brief", "link").split()[0] == "lo"
    assert len(bare.run("ip", "-brief", "link").splitlines()) == 1
    port = workplace.account.url.rsplit(":", 1)[1]
    for address in ("127.0.0.1", "10.0.0.1", "203.0.113.7"):
        refused = bare.result("curl", "--silent", "--show-error", "--max-time", "3", f"http://{address}:{port}/")
        assert refused.returncode == 7, refused.stderr


def test_the_gpu_stand_in_says_what_its_file_says_at_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, state = gpu.build(tmp_path), tmp_path / "state"
    monkeypatch.setenv("NVML_STAND_IN", str(state))
    state.write_text("driver 999.1\ngpu 83 9000 24564\ngpu 2 0 1000\n", encoding="utf-8")
    ask = (
        "import pynvml as n, pathlib, sys; n.nvmlInit(); h = n.nvmlDeviceGetHandleByIndex(0)\n"
        "print(n.nvmlDeviceGetCount(), n.nvmlSystemGetDriverVersion(), n.nvmlDeviceGetUtilizationRates(h).gpu)\n"
        "print(n.nvmlDeviceGetMemoryInfo(h).used >> 20, n.nvmlDeviceGetMemoryInfo(n.nvmlDeviceGetHandleByIndex(1)).total >> 20)\n"
        "pathlib.Path(sys.argv[1]).write_text('gpu 7 0 100\\n'); print(n.nvmlDeviceGetUtilizationRates(h).gpu)\n"
        "pathlib.Path(sys.argv[1]).write_text('error 15\\n')\n"
        "try: n.nvmlDeviceGetUtilizationRates(h)\n"
        "except n.NVMLError as e: print(e.value)\n"
    )
    environment = os.environ | {"LD_LIBRARY_PATH": str(library.parent)}
    done = subprocess.run([sys.executable, "-c", ask, str(state)], env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == ["2", "999.1", "83", "9000", "1000", "7", str(pynvml.NVML_ERROR_GPU_IS_LOST)], done.stderr

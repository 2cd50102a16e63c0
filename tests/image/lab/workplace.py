"""Everything a rehearsal stands on, made once: a clean Debian, what is installed from, an account, and the image built in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.ec2.models.instances import Instance

from tests.aws.cloud import Cloud
from tests.image.lab import building, gpu, sources
from tests.image.lab.account import Account
from tests.image.lab.building import Build
from tests.image.lab.fleet import AWS_PORT
from tests.image.lab.leftovers import Leftovers
from tests.image.lab.machine import Machine
from tests.image.lab.roots import Layers
from tests.image.lab.sources import Sources

#: What is kept from one run to the next.
CACHE = sources.ROOT / "build" / "image-lab"
BASE_RECIPE = Path(__file__).with_name("base-root")
BASE_SECONDS = 900.0
#: What every machine of a rehearsal is told that one in AWS is not: where its AWS is.
AWS_ENVIRONMENT = f"AWS_ENDPOINT_URL=http://127.0.0.1:{AWS_PORT}\nAWS_REGION={{region}}\nAWS_DEFAULT_REGION={{region}}\n"


class Workplace:
    """One process's. Several share what is in `CACHE` and the image of the run named `run`; each has an account of its own."""

    def __init__(self, run: str, worker: str) -> None:
        self.leftovers = Leftovers(CACHE / f"run-{worker}")
        self.run = run
        self.account = Account(self.leftovers, {}, self._prepare)
        self._library: Path | None = None
        self._sources: Sources | None = None

    def open(self) -> None:
        """Claims its folder and opens the account."""
        assert os.geteuid() == 0, "the tests of the image boot machines: run them as root"
        self.leftovers.begin()
        self._library = gpu.build(self.leftovers.folder / "nvml")
        self.account.open()

    def close(self) -> None:
        """Ends all machines and removes what was made for this run."""
        try:
            self.account.close()
        finally:
            self.leftovers.end()

    def base(self) -> Layers:
        """A clean Debian as a cloud offers it."""
        with _alone("base"):
            root = CACHE / f"base-{hashlib.sha256(BASE_RECIPE.read_bytes()).hexdigest()[:16]}"
            done = subprocess.run([BASE_RECIPE, root], capture_output=True, text=True, timeout=BASE_SECONDS, check=False)
            assert done.returncode == 0, f"there is no Debian to build the image from: {done.stderr}"
        return Layers((root,))

    def wheels(self) -> None:
        """Sees to it that the wheels are there, which take the longest to come by."""
        with _alone("wheels"):
            sources.wheelhouse(CACHE)

    def sources(self) -> Sources:
        """What the image is installed from."""
        if self._sources is None:
            self.wheels()
            self._sources = sources.make(self.leftovers.folder / "sources", CACHE, building.REVISION)
        return self._sources

    def image(self) -> Build:
        """The image, built by whoever of this run comes first, and known to this process's account."""
        folder = CACHE / "image"
        base = self.base()
        with _alone("image"):
            if _noted(folder) != self.run:
                shutil.rmtree(folder, ignore_errors=True)
                self._build(base, folder)
        noted = json.loads((folder / "built.json").read_text(encoding="utf-8"))
        log = (folder / "build.log").read_text(encoding="utf-8")
        build = Build(noted["ami"], folder / "output", log, noted["tags"])
        self.account.fleet.images[build.ami] = base.below(folder / "files")
        self.account.do(lambda cloud: _adopt(cloud, build))
        return build

    def _build(self, base: Layers, folder: Path) -> None:
        built = building.build(self.account, self.sources(), base, folder)
        layers = self.account.fleet.images[built.ami]
        shutil.move(layers.folders[0], folder / "files")
        (folder / "built.json").write_text(json.dumps({"run": self.run, "ami": built.ami, "tags": built.tags}), encoding="utf-8")

    def _prepare(self, machine: Machine, instance: Instance) -> None:
        """What a machine gets at each boot that is of its world, not of its image."""
        if instance.key_name:
            key = self.account.cloud.ec2.key_pairs[instance.key_name].material_public.decode().strip()
            machine.write(f"{machine.home_of('ubuntu')}/.ssh/authorized_keys", key + "\n", 0o600)
        else:
            assert self._library is not None
            shutil.copyfile(self._library, machine.path(gpu.PLACE))
            if machine.boots == 1:
                gpu.set_load(machine, 0)
            machine.write("/etc/wakebrush/aws.env", AWS_ENVIRONMENT.format(region=self.account.cloud.region))
            for path, text in machine.files.items():
                machine.write(path, text)


def _adopt(cloud: Cloud, build: Build) -> None:
    """Makes an image that another account of this run has built one of this account too."""
    if build.ami not in cloud.ec2.amis:
        made = cloud.client("ec2").register_image(Name=f"wakebrush-{build.ami}", RootDeviceName="/dev/sda1")["ImageId"]
        image = cloud.ec2.amis.pop(made)
        image.id = build.ami
        cloud.ec2.amis[build.ami] = image
        cloud.ec2.create_tags([build.ami], build.tags)
    cloud.setting.use_image(build.ami)


def _noted(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "built.json").read_text(encoding="utf-8"))["run"])
    except FileNotFoundError:
        return None


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """While this lasts no other process does the same."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{what}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

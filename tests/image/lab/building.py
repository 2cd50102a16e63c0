"""A real `packer build` of our template: against the stand-in, over SSH into a container that was booted from a clean Debian."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.aws.cloud import Cloud
from tests.image.lab.account import Account
from tests.image.lab.roots import Layers
from tests.image.lab.sources import REPOSITORY, ROOT, Sources
from tests.support.running_service import WAKEBRUSH

PACKER = ROOT / "packer"
SETTINGS = ROOT / "tests" / "image" / "machine.toml"
DEPLOYMENT = "studio"
REVISION = "v0.45.2"
#: Where a building machine sees the folder of repositories.
MIRROR = "/srv/mirror"
BUILD_SECONDS = 600.0
#: The only network from which the building machine may be reached.
BUILDER = "127.0.0.1/32"


@dataclass(frozen=True)
class Build:
    """What one build left: the AMI's id, the folder with the manifest, what was said, and the AMI's tags."""

    ami: str
    output: Path
    log: str
    tags: dict[str, str]

    def read(self, name: str) -> Any:
        """A JSON file beside the manifest."""
        return json.loads((self.output / name).read_text(encoding="utf-8"))


def environment(account: Account) -> dict[str, str]:
    """For Packer and for whoever else calls the stand-in: nothing of this computer's own accounts is looked at."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    aws = {
        "AWS_ACCESS_KEY_ID": "AKIASTANDINSTANDIN00",
        "AWS_SECRET_ACCESS_KEY": "not a secret",
        "AWS_REGION": account.cloud.region,
    }
    aws |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    return kept | aws | {"CHECKPOINT_DISABLE": "1", "AWS_POLL_DELAY_SECONDS": "1", "AWS_MAX_ATTEMPTS": "300"}


def offer_base_image(account: Account, base: Layers) -> str:
    """A public image to start from, as a distribution offers it; its name."""
    name = "debian-12-amd64-server-20261101"

    def register(cloud: Cloud) -> str:
        image = cloud.client("ec2").register_image(Name=name, RootDeviceName="/dev/sda1")["ImageId"]
        ami = cloud.ec2.amis[image]
        ami.architecture, ami.virtualization_type, ami.root_device_type = "x86_64", "hvm", "ebs"
        return str(image)

    account.fleet.images[account.do(register)] = base
    return name


def variables(sources: Sources, source_ami: str) -> dict[str, str]:
    """What an admin would have chosen, for a rehearsal."""
    return {
        "instance_type": "m5.xlarge",
        "source_ami_name": source_ami,
        "source_ami_owner": "self",
        "driver": "none",
        "comfyui_repository": REPOSITORY,
        "comfyui_revision": REVISION,
        "comfyui_commit": sources.commit,
        "node_packs": str(sources.packs.parent),
        "engine_lock": str(sources.constraints),
        "git_base": f"file://{MIRROR}",
        "wheelhouse": str(sources.wheelhouse),
        "offline": "true",
        "settings": str(SETTINGS),
    }


def build(account: Account, sources: Sources, base: Layers, folder: Path) -> Build:
    """Builds the image, by the command that an admin would use. Raises AssertionError with the end of what it said."""
    source_ami = offer_base_image(account, base)
    account.fleet.shown = {sources.git: MIRROR}
    output, log = folder / "output", folder / "build.log"
    output.mkdir(parents=True, exist_ok=True)
    chosen = [word for item in variables(sources, source_ami).items() for word in ("--var", "=".join(item))]
    places = ["--data", str(folder / "admin"), "--template", str(PACKER), "--output", str(output)]
    code = admin(account, log, "image", "build", *places, "--from-cidr", BUILDER, *chosen)
    text = log.read_text(encoding="utf-8")
    assert code == 0, f"the build ended with {code}:\n{text[-8000:]}"
    artifact = json.loads((output / "manifest.json").read_text(encoding="utf-8"))["builds"][-1]["artifact_id"]
    ami = str(artifact.split(":")[1])
    return Build(ami, output, text, account.do(lambda cloud: dict(cloud.ec2.tags[ami])))


def admin(account: Account, log: Path, *arguments: str) -> int:
    """Runs `wakebrush ARGUMENTS` with an admin's rights in the account; its exit code. What it says goes to `log`.

    Raises what broke in the account meanwhile, and AssertionError when it takes too long.
    """
    settings = {"PROVIDER": "ec2", "AWS_ENDPOINT": account.url, "AWS_REGION": account.cloud.region, "AWS_DEPLOYMENT": DEPLOYMENT}
    told = environment(account) | {f"WAKEBRUSH_{name}": value for name, value in settings.items()}
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen([WAKEBRUSH, *arguments], env=told, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    deadline = time.monotonic() + BUILD_SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                return process.wait(1)
            except subprocess.TimeoutExpired:
                account.check()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    raise AssertionError(f"{arguments[:2]} was not done after {BUILD_SECONDS} s:\n{log.read_text(encoding='utf-8')[-6000:]}")

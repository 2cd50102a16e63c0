"""A real `packer build` of our template: against the stand-in, over SSH into a container that was booted from a clean Debian."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.aws.cloud import Cloud
from tests.image.lab.account import Account
from tests.image.lab.roots import Layers
from tests.image.lab.sources import REPOSITORY, ROOT, Sources

PACKER = ROOT / "packer"
SETTINGS = ROOT / "tests" / "image" / "machine.toml"
DEPLOYMENT = "studio"
REVISION = "v0.45.2"
#: Where a building machine sees the folder of repositories.
MIRROR = "/srv/mirror"
BUILD_SECONDS = 600.0


@dataclass(frozen=True)
class Build:
    """What one build left: the AMI's id and what is beside the manifest."""

    ami: str
    output: Path
    log: str

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


def variables(account: Account, sources: Sources, source_ami: str, output: Path) -> dict[str, str]:
    """What an admin would have chosen, for a rehearsal."""
    return {
        "deployment": DEPLOYMENT,
        "builder_cidr": "127.0.0.1/32",
        "region": account.cloud.region,
        "instance_type": "m5.xlarge",
        "ec2_endpoint": account.url,
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
        "output": str(output),
    }


def build(account: Account, sources: Sources, base: Layers, folder: Path) -> Build:
    """Builds the image. Raises AssertionError with the end of what Packer said."""
    source_ami = offer_base_image(account, base)
    account.fleet.shown = {sources.git: MIRROR}
    template, output = folder / "template", folder / "output"
    shutil.rmtree(template, ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    subprocess.run([PACKER / "for-1.6.6", template], check=True, capture_output=True, text=True, timeout=30)
    chosen = [word for item in variables(account, sources, source_ami, output).items() for word in ("-var", "=".join(item))]
    log = folder / "packer.log"
    code = _packer(account, template, ["build", "-color=false", "-timestamp-ui", *chosen, "."], log)
    text = log.read_text(encoding="utf-8")
    assert code == 0, f"packer build ended with {code}:\n{text[-6000:]}"
    artifact = json.loads((output / "manifest.json").read_text(encoding="utf-8"))["builds"][-1]["artifact_id"]
    return Build(artifact.split(":")[1], output, text)


def _packer(account: Account, template: Path, arguments: list[str], log: Path) -> int:
    """Runs Packer; its exit code. Raises what broke in the account meanwhile, and AssertionError when it takes too long."""
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            ["packer", *arguments], cwd=template, env=environment(account), stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    deadline = time.monotonic() + BUILD_SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                return process.wait(1)
            except subprocess.TimeoutExpired:
                account.check()
    finally:
        process.kill()
        process.wait()
    raise AssertionError(f"packer was not done after {BUILD_SECONDS} s:\n{log.read_text(encoding='utf-8')[-6000:]}")

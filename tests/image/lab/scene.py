"""A studio in the rehearsal: its own deployment, sleeping machines, and a wake service that runs outside of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.aws.cloud import GUARD_PORT, Cloud
from tests.aws.cloud.network import lets_in
from tests.image.lab.account import Account
from tests.image.lab.building import SETTINGS, environment
from tests.image.lab.machine import Machine
from tests.support.artist import Artist
from tests.support.running_service import RunningService

#: A container boots in two seconds on a quiet computer; beside other suites it may take ten times as long.
WAKE_SECONDS = 90.0
#: Where everybody outside comes from, as a machine sees it.
HERE = "127.0.0.1"
SLEEP_SECONDS = 90.0
PICTURE_SECONDS = 90.0
JOURNAL_LINES = "250"


class Scene:
    """`machine` is the first of the `machines`. The service is started by `open`, and may be killed and started again."""

    def __init__(
        self,
        account: Account,
        deployment: str,
        data: Path,
        *,
        machines: int = 1,
        spot: bool = False,
        serve: bool = True,
        **settings: Any,
    ) -> None:
        self.account = account
        self.deployment = deployment
        self.ids = [account.do(lambda cloud: cloud.add_machine(deployment=deployment, spot=spot)) for _ in range(machines)]
        group = account.do(lambda cloud: cloud.setting.security_group())
        # The service leaves it to the machines to stop, unless a scene is about the service.
        own = {"idle_seconds": 600, "reaper_seconds": 5, "wake_estimate_seconds": 5, "pool_maximum": machines} | settings
        own |= {"provider": "ec2", "aws_endpoint": account.url, "aws_region": account.cloud.region, "aws_security_group": group}
        self.service = RunningService(data, environment=environment(account), aws_deployment=deployment, **own)
        self._serve = serve
        self._artist: Artist | None = None

    def open(self) -> None:
        """The service runs."""
        if self._serve:
            self.service.start()

    def close(self) -> None:
        """The service ends; the machines are terminated."""
        self.service.clean_up()
        for instance_id in self.ids:
            self.account.do(lambda cloud, gone=instance_id: cloud.terminate(gone))
        self.until(lambda: not any(machine.on for machine in self.machines), 30, "the end of all machines")

    @property
    def artist(self) -> Artist:
        """An artist at the service as it runs now."""
        return self.service.artist()

    @property
    def machines(self) -> list[Machine]:
        return [self.account.machine(instance_id) for instance_id in self.ids]

    @property
    def machine(self) -> Machine:
        return self.machines[0]

    def state(self, n: int = 0) -> str:
        """What the cloud says of a machine."""
        return self.account.state(self.ids[n])

    def tags(self, n: int = 0) -> dict[str, str]:
        """What is written on a machine."""
        return self.account.tags(self.ids[n])

    def tag(self, name: str, value: str, n: int = 0) -> None:
        """Somebody writes a tag on a machine."""
        self.account.do(lambda cloud: cloud.ec2.create_tags([self.ids[n]], {name: value}))

    def token(self, n: int = 0) -> str | None:
        """The guard's token of a machine's present wake."""
        return self.account.token(self.ids[n], self.deployment)

    def set_up(self, n: int = 0, **idle: float) -> None:
        """Other settings of a machine's idle monitor than the image's, from its next boot on."""
        text = SETTINGS.read_text(encoding="utf-8")
        for name, value in idle.items():
            text, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
            assert found == 1, name
        self.machines[n].files["/etc/wakebrush/machine.toml"] = text

    def bring_models_from(self, source: str, n: int = 0) -> None:
        """Where a machine gets its models from, from its next boot on."""
        text, found = re.subn(r'(?m)^source = "none"$', f'source = "{source}"', SETTINGS.read_text(encoding="utf-8"))
        assert found == 1
        self.machines[n].files["/etc/wakebrush/machine.toml"] = text

    def make_bucket(self) -> str:
        """The bucket that the deployment's stack would have made; its name."""
        cloud = self.account.cloud
        name = f"{self.deployment}-{cloud.account.number}-{cloud.region}"
        self.account.do(lambda cloud: cloud.client("s3").create_bucket(Bucket=name))
        return name

    def imitate(self, n: int = 0, **wishes: Any) -> None:
        """What a machine's engine imitates (tests/image/practice/comfy.py), from its next boot on."""
        self.machines[n].files["/etc/practice.json"] = json.dumps(wishes)

    def power_on(self, n: int = 0) -> None:
        """Somebody starts a machine in the console."""
        self.account.do(lambda cloud: cloud.start(self.ids[n]))

    def let_in(self) -> None:
        """What the service does before it reaches a machine, where a scene has none: its rule in the security group."""

        def open_way(cloud: Cloud) -> None:
            group = cloud.setting.security_group()
            if not lets_in(cloud.instance(self.ids[0]), HERE, GUARD_PORT):
                ports = {"IpProtocol": "tcp", "FromPort": GUARD_PORT, "ToPort": GUARD_PORT}
                rule = ports | {"IpRanges": [{"CidrIp": f"{HERE}/32", "Description": "a scene without a service"}]}
                cloud.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

        self.account.do(open_way)

    def write_token(self, token: str, n: int = 0) -> None:
        """What the service does before a start, where a scene has none."""

        def write(cloud: Cloud) -> None:
            name = f"/{self.deployment}/guard/{self.ids[n]}"
            tags = [{"Key": "guard-machine", "Value": cloud.arn(self.ids[n])}]
            cloud.client("ssm").delete_parameters(Names=[name])
            cloud.client("ssm").put_parameter(Name=name, Value=token, Type="SecureString", Tags=tags)

        self.account.do(write)

    def paint(self, **fields: Any) -> dict[str, Any]:
        """A job that was asked for and has ended, in a picture or not."""
        job = self.artist.generate(**fields)
        return self.finished(job["id"])

    def finished(self, job_id: str, seconds: float = PICTURE_SECONDS + WAKE_SECONDS) -> dict[str, Any]:
        """A job once it has ended."""
        artist = self.artist
        self.until(lambda: artist.job(job_id)["state"] not in ("queued", "running"), seconds, f"the end of {job_id}")
        return artist.job(job_id)

    def until_state(self, state: str, n: int = 0, seconds: float = SLEEP_SECONDS) -> None:
        """Waits until the cloud says so."""
        self.until(lambda: self.state(n) == state, seconds, f"{self.ids[n]} being {state}")

    def until(self, condition: Callable[[], Any], seconds: float, what: str) -> None:
        """Waits for something outside. Raises AssertionError at the deadline, with what the machines said; or what broke."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.account.check()
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s\n{self.journals()}"
            time.sleep(0.1)

    def journals(self) -> str:
        """The end of the journal of each machine that is on."""
        return "\n".join(f"--- {machine.instance_id}\n{_journal(machine)}" for machine in self.machines)


def _journal(machine: Machine) -> str:
    if not machine.on:
        return f"off; the end of its console: {machine.container.last_words()}"
    return machine.run("journalctl", "--boot", "--no-pager", "--lines", JOURNAL_LINES, "--output", "short-monotonic", check=False)

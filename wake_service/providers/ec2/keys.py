"""The token of a wake: written where only that machine can read it, and read back from there after a restart of the service."""

from __future__ import annotations

import secrets

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.errors import ProviderError
from wake_service.providers.ec2.instance import Instance
from wake_service.providers.ec2.options import Ec2Options

#: Bytes of randomness in a token; 32 cannot be guessed.
TOKEN_BYTES = 32


class NoKey(ProviderError):
    """Nobody has written a key for this machine."""


class Keys:
    """The guard tokens of our machines. What is known is kept in memory for the life (`boot`) that it is for."""

    def __init__(self, aws: Aws, options: Ec2Options) -> None:
        self._aws = aws
        self._options = options
        self._known: dict[str, tuple[str, str]] = {}
        self._tagged: set[str] = set()

    def __repr__(self) -> str:
        return f"Keys(of {len(self._known)} machines)"

    async def write(self, machine_id: str, arn: str) -> None:
        """Writes a fresh token for the machine's next life.

        AWS takes no tags when it overwrites, so they are written apart, the first time after each start of the service.
        """
        name = self._options.parameter(machine_id)
        self.forget(machine_id)
        await self._aws.call(
            "ssm",
            "put_parameter",
            Name=name,
            Description="Guard token of the machine's present wake",
            Value=secrets.token_urlsafe(TOKEN_BYTES),
            Type="SecureString",
            Overwrite=True,
        )
        if machine_id not in self._tagged:
            pairs = tags.as_list({tags.DEPLOYMENT: self._options.deployment, tags.READER: arn})
            await self._aws.call("ssm", "add_tags_to_resource", ResourceType="Parameter", ResourceId=name, Tags=pairs)
            self._tagged.add(machine_id)

    async def read(self, instance: Instance) -> str:
        """The token of the machine's present life. Raises NoKey when there is none."""
        known = self._known.get(instance.id)
        if known is not None and known[0] == instance.boot:
            return known[1]
        try:
            answer = await self._aws.call("ssm", "get_parameter", Name=self._options.parameter(instance.id), WithDecryption=True)
        except AwsNotFound as error:
            raise NoKey(
                f"Nobody has written a key for the machine {instance.id}: it was started by hand. Stop it; "
                "its next wake gets one."
            ) from error
        token: str = answer["Parameter"]["Value"]
        self._known[instance.id] = (instance.boot, token)
        return token

    def forget(self, machine_id: str) -> None:
        """What is known may be old: it is read anew the next time."""
        self._known.pop(machine_id, None)

    async def remove(self, machine_id: str) -> None:
        """Deletes the token of a machine that is gone for good."""
        self.forget(machine_id)
        self._tagged.discard(machine_id)
        try:
            await self._aws.call("ssm", "delete_parameter", Name=self._options.parameter(machine_id))
        except AwsNotFound:
            return

"""The cloud's own list of our machines."""

from __future__ import annotations

from dataclasses import dataclass

from wake_service.aws import tags
from wake_service.aws.clients import Aws, cloud_time
from wake_service.aws.errors import AwsNotFound
from wake_service.errors import ProviderError
from wake_service.providers.ec2.instance import Instance, parse


@dataclass(frozen=True, slots=True)
class Listing:
    """Every machine of the deployment by id. `at` is AWS's own time of its answer (None when it did not say); `asked_at` is
    ours, from before the question."""

    at: float | None
    asked_at: float
    instances: dict[str, Instance]

    def find(self, machine_id: str) -> Instance:
        """The machine of that id. Raises ProviderError."""
        try:
            return self.instances[machine_id]
        except KeyError:
            raise no_such_machine(machine_id) from None


def no_such_machine(machine_id: str) -> ProviderError:
    """What is said to whoever asks for a machine that is none of ours."""
    return ProviderError(f'There is no machine "{machine_id}" in this deployment.')


async def list_instances(aws: Aws, deployment: str) -> Listing:
    """One question to AWS, in as many pages as it answers. Raises AwsError, ProviderTimeout or NoCredentials."""
    asked_at = aws.clock.now()
    partition = aws.client("ec2").meta.partition
    try:
        pages = await aws.pages("ec2", "describe_instances", Filters=[{"Name": f"tag:{tags.DEPLOYMENT}", "Values": [deployment]}])
    except AwsNotFound as error:
        raise ProviderError("AWS did not list our machines.") from error
    found = [
        parse(described, reservation.get("OwnerId", ""), aws.region, partition)
        for page in pages
        for reservation in page["Reservations"]
        for described in reservation["Instances"]
    ]
    return Listing(cloud_time(pages[0]), asked_at, {instance.id: instance for instance in found})

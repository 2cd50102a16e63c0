"""The commands `wakebrush image`: for admins, with an admin's rights. AWS is imported when one runs."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wake_service import settings
from wake_service.cli_aws import with_account
from wake_service.errors import SetupError, WakebrushError
from wake_service.terminal import AS_JSON, DATA, sentences

if TYPE_CHECKING:
    from wake_service.aws.clients import Aws
    from wake_service.aws.stack import Stack
    from wake_service.images.rollout import Outcome, Rollout
    from wake_service.images.trial import Trials
    from wake_service.settings import Settings

POOL = click.option("--pool", default="default", show_default=True)
WAIT = click.option(
    "--wait", type=click.FloatRange(min=0), default=0, metavar="MINUTES", help="Wait for machines that are awake."
)
YES = click.option("--yes", is_flag=True, help="Don't ask.")


@click.group("image")
def image_group() -> None:
    """Build the image of the machines, try it, bring it to the pool, and take it back (docs/image.md)."""


@image_group.command()
@DATA
@click.option("--template", type=click.Path(path_type=Path, file_okay=False), help="The folder packer of the checkout.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=Path("build/image"), show_default=True)
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the template; may be repeated.")
@click.option("--from-cidr", "network", metavar="NETWORK", help="Who reaches the building machine. Default: this computer only.")
@click.option("--tags-only", is_flag=True, help="Build nothing: write the tags of the image that --output tells of.")
def build(
    data: Path | None, template: Path | None, output: Path, variables: tuple[str, ...], network: str | None, tags_only: bool
) -> None:
    """Build an image with Packer: about an hour of a machine without a GPU. Prints its id."""
    with sentences():
        given = settings.load(data=data)
        said = _variables(variables)
        if not tags_only:
            with_account(given, lambda aws: _build(aws, given, template, output, said, network))
        made = with_account(given, lambda aws: _keep(aws, given, output))
    click.echo(f"Next, to see that it works: wakebrush image verify {made}", err=True)
    click.echo(made)


@image_group.command()
@DATA
@POOL
@click.argument("image")
@click.option("--type", "instance_type", help="Such as g6.xlarge; default: the stack's InstanceType.")
@click.option("--zone", help="Such as us-east-1a; default: each of ours until one has room.")
def verify(data: Path | None, pool: str, image: str, instance_type: str | None, zone: str | None) -> None:
    """Make one machine from IMAGE, let it paint a small picture, and end it. The pool is not touched."""

    async def work(aws: Aws) -> None:
        from wake_service.images.facts import find_image

        stack = await _stack(aws, given)
        found = await find_image(aws, stack.name, image)
        await (await _trials(aws, given, stack, pool)).canary(found, instance_type=instance_type, zone=zone)

    with sentences():
        given = settings.load(data=data)
        with_account(given, work)
    click.echo(f"Next, to bring it to the pool: wakebrush image roll {image}", err=True)


@image_group.command()
@DATA
@POOL
@WAIT
@YES
@AS_JSON
@click.argument("image")
def roll(data: Path | None, pool: str, wait: float, yes: bool, as_json: bool, image: str) -> None:
    """Bring IMAGE to new machines and to those of the pool, while they sleep. Ends with 1 while one is left."""

    async def work(aws: Aws) -> Outcome:
        return await (await _rollout(aws, given, pool)).roll(image, wait=wait * 60)

    with sentences():
        given = settings.load(data=data)
        _confirm(f"Machines of the pool {pool} that sleep get the image {image}; what is on their system disks goes.", yes)
        outcome = with_account(given, work)
    _tell_outcome(outcome, as_json)


@image_group.command()
@DATA
@POOL
@WAIT
@YES
@AS_JSON
def rollback(data: Path | None, pool: str, wait: float, yes: bool, as_json: bool) -> None:
    """Go back to the image before. Ends with 1 while a machine is left."""

    async def find(aws: Aws) -> str:
        return await (await _rollout(aws, given, pool)).target()

    async def work(aws: Aws) -> Outcome:
        return await (await _rollout(aws, given, pool)).back(wait=wait * 60)

    with sentences():
        given = settings.load(data=data)
        image = with_account(given, find)
        _confirm(f"Machines of the pool {pool} that sleep go back to the image {image}; what is on their system disks goes.", yes)
        outcome = with_account(given, work)
    _tell_outcome(outcome, as_json)


async def _build(
    aws: Aws, given: Settings, template: Path | None, output: Path, said: dict[str, str], network: str | None
) -> None:
    from wake_service.images import packer
    from wake_service.images.building import Order
    from wake_service.images.building import build as run
    from wake_service.providers.ec2.rule import address_for

    folder, tool = packer.find_template(template), await packer.find_packer()
    network = network or said.get("builder_cidr") or _only(await address_for(given)())
    order = Order(given.aws_deployment, given.aws_region, folder, output, network, said, given.aws_endpoint)
    await run(aws, order, tool, _tell)


async def _keep(aws: Aws, given: Settings, output: Path) -> str:
    from wake_service.aws.stack import find_stack
    from wake_service.images.building import keep

    stack = await find_stack(aws, given.aws_deployment)
    return (await keep(aws, given.aws_deployment, output, stack, given.data, _tell)).id


async def _rollout(aws: Aws, given: Settings, pool: str) -> Rollout:
    from wake_service.images.rollout import Rollout

    stack = await _stack(aws, given)
    return Rollout(aws, stack, pool, await _trials(aws, given, stack, pool), _tell)


async def _trials(aws: Aws, given: Settings, stack: Stack, pool: str) -> Trials:
    from wake_service.images.trial import Reach, Trials
    from wake_service.providers.ec2.options import Ec2Options
    from wake_service.providers.ec2.rule import address_for

    return Trials(aws, Ec2Options.of(given, pool=pool, stack=stack), stack, Reach(address_for(given)), _tell)


async def _stack(aws: Aws, given: Settings) -> Stack:
    from wake_service.aws.stack import find_stack

    stack = await find_stack(aws, given.aws_deployment)
    if stack is None:
        raise SetupError(
            f'There is no stack "{given.aws_deployment}" in {given.aws_region}, whose machines could get an image. '
            "`wakebrush aws doctor` says what is missing."
        )
    return stack


def _only(address: str) -> str:
    """The network that is this address alone."""
    if ipaddress.ip_address(address).version != 4:
        raise SetupError(
            f"This computer is seen as {address}, and the building machine is reached by IPv4. Say whose: --from-cidr NETWORK."
        )
    return f"{address}/32"


def _variables(said: tuple[str, ...]) -> dict[str, str]:
    wrong = [one for one in said if "=" not in one]
    if wrong:
        raise SetupError(f"A variable is said like driver=none, not like {wrong[0]!r}.")
    return dict(one.split("=", 1) for one in said)


def _confirm(what: str, yes: bool) -> None:
    if not yes and not click.confirm(f"{what} Go on?", err=True):
        raise WakebrushError("Nothing was changed.")


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _tell_outcome(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        said: dict[str, Any] = {
            "image": outcome.image,
            "before": outcome.before,
            "machines": list(outcome.machines),
            "left": outcome.left,
        }
        click.echo(json.dumps(said, indent=2))
    else:
        click.echo(f"{len(outcome.machines)} {'machine has' if len(outcome.machines) == 1 else 'machines have'} {outcome.image}.")
        for machine, state in outcome.left.items():
            click.echo(f"{machine} is {state} and keeps its image until it sleeps. Say the same again then, or with --wait.")
        if outcome.before and outcome.done:
            click.echo(f"{outcome.before} stays for `wakebrush image rollback`; delete it when you trust this one.")
    raise SystemExit(0 if outcome.done else 1)

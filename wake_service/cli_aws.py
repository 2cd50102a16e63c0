"""The commands `wakebrush aws` and `wakebrush machines`: what an admin does with an account. AWS is imported when one runs."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wake_service import settings
from wake_service.cli_reap import reap_command
from wake_service.clock import SystemClock
from wake_service.errors import SetupError, WakebrushError
from wake_service.settings import Settings
from wake_service.terminal import AS_JSON, DATA, sentences

if TYPE_CHECKING:
    from wake_service.aws.clients import Aws
    from wake_service.aws.inventory import Thing

T = TypeVar("T")


@click.group("aws")
def aws_group() -> None:
    """Look after the deployment's things in AWS (region and name: aws_region, aws_deployment)."""


aws_group.add_command(reap_command)


@click.group("machines")
def machines_group() -> None:
    """List and create machines in the cloud."""


@aws_group.command()
@DATA
@AS_JSON
def doctor(data: Path | None, as_json: bool) -> None:
    """Check credentials, rights, quotas, image and network. Ends with 1 when something is missing."""
    with sentences():
        given = settings.load(data=data)
        from wake_service.aws.doctor import Doctor

        found = with_account(given, lambda aws: Doctor(aws, given.aws_deployment, given.aws_guard_port).examine())
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in found], indent=2))
    else:
        for finding in found:
            click.echo(f"{'✓' if finding.ok else '✗'} {finding.subject}: {finding.sentence}")
        wrong = sum(not finding.ok for finding in found)
        click.echo(
            "Everything is in place." if not wrong else f"{wrong} {'thing needs' if wrong == 1 else 'things need'} your hand."
        )
    raise SystemExit(0 if all(finding.ok for finding in found) else 1)


@aws_group.command()
@DATA
@AS_JSON
def cost(data: Path | None, as_json: bool) -> None:
    """List everything with our tag, and what it costs in a month in which nobody paints."""
    with sentences():
        given = settings.load(data=data)
        from wake_service.aws.cost import bill, money
        from wake_service.aws.inventory import take_inventory
        from wake_service.aws.prices import Prices

        prices = Prices.load(given.aws_prices_file)
        total = bill(with_account(given, lambda aws: take_inventory(aws, given.aws_deployment)), prices, given.aws_region)
    if as_json:
        click.echo(json.dumps({**total.as_json(), "currency": prices.currency, "as_of": str(prices.as_of)}, indent=2))
        return
    for line in total.lines:
        price = "not known" if line.month_micros is None else money(line.month_micros, prices.currency)
        click.echo(f"{price:>14}  {line.thing.kind:12}  {line.thing.id}  {line.note}".rstrip())
    click.echo(
        f"{money(total.total_micros, prices.currency):>14}  a month asleep, at prices of {prices.as_of:%d %B %Y}, before tax."
    )
    if total.hour_micros:
        click.echo(f"{money(total.hour_micros, prices.currency):>14}  an hour just now: somebody paints, or a machine is awake.")
    for sentence in total.unknown:
        click.echo(sentence)


@aws_group.command("strays")
@DATA
@AS_JSON
def stray(data: Path | None, as_json: bool) -> None:
    """List disks, addresses, snapshots and images that cost money without being of use."""
    with sentences():
        given = settings.load(data=data)
        found = with_account(given, lambda aws: _find_strays(aws, given.aws_deployment))
    if as_json:
        things = [{"kind": thing.kind, "id": thing.id, "reason": reason} for thing, reason in found]
        click.echo(json.dumps(things, indent=2))
        return
    for thing, reason in found:
        click.echo(f"{thing.kind:10}  {thing.id}  {reason}")
    click.echo(
        "Nothing lies about." if not found else "Delete in the EC2 console what you need no more. Nothing here deletes it."
    )


@aws_group.command()
@DATA
@click.option("--keep-pictures", is_flag=True, help="Leave the bucket with the pictures, without our tag.")
@click.option("--yes", "confirmed", metavar="DEPLOYMENT", help="Don't ask; the deployment's name, to be sure.")
def uninstall(data: Path | None, keep_pictures: bool, confirmed: str | None) -> None:
    """Delete everything with our tag. Lists it first, and asks."""
    with sentences():
        given = settings.load(data=data)
        name = given.aws_deployment
        from wake_service.aws.inventory import take_inventory
        from wake_service.aws.uninstall import uninstall as run

        things = with_account(given, lambda aws: take_inventory(aws, name))
        for thing in things:
            click.echo(f"{thing.kind:12}  {thing.id}  {thing.name}".rstrip())
        kept = "the bucket with the pictures is kept, and costs what it holds" if keep_pictures else "the pictures too, for good"
        click.echo(f"{len(things)} things in {given.aws_region} will be deleted; {kept}. Stop the service first.")
        answer = (
            confirmed if confirmed is not None else click.prompt(f"Type {name} to delete them", default="", show_default=False)
        )
        if answer != name:
            raise WakebrushError("Nothing was deleted.")
        left = with_account(given, lambda aws: run(aws, name, keep_pictures=keep_pictures, tell=click.echo))
    if left.kept_bucket:
        click.echo(f"Kept: the bucket {left.kept_bucket}.")
    for thing in left.things:
        click.echo(f"Still there: {thing.kind} {thing.id}")
    click.echo(f"{len(left.things)} tagged resources are left.")
    if left.things:
        raise click.ClickException("Run it again in some minutes; if something stays, delete it in the AWS console.")


@machines_group.command("create")
@DATA
@click.option("--intent", help="Say the same again after a failure, and no second machine is made. Default: a new one each time.")
@click.option("--zone", help="Such as us-east-1a; default: where AWS has room among our networks.")
@click.option("--type", "instance_type", help="Such as g5.2xlarge; default: the stack's InstanceType.")
@click.option("--spot", is_flag=True, help="Cheaper, and AWS may take it back with two minutes' notice.")
@click.option("--pool", default="default", show_default=True)
def create_machine(
    data: Path | None, intent: str | None, zone: str | None, instance_type: str | None, spot: bool, pool: str
) -> None:
    """Create one machine from the stack's launch template. It starts, shows that it works, and falls asleep."""
    with sentences():
        given = settings.load(data=data)
        intent = intent or f"machine {secrets.token_hex(4)}"
        click.echo(f'Creating. If this breaks off, say: wakebrush machines create --intent "{intent}"', err=True)

        async def work(aws: Aws) -> str:
            from wake_service.providers.ec2.create import create, create_somewhere

            options = await _options(aws, given, pool)
            if zone is None:
                return await create_somewhere(aws, options, intent, instance_type=instance_type, spot=spot)
            return await create(aws, options, intent, zone=zone, instance_type=instance_type, spot=spot)

        made = with_account(given, work)
    click.echo(made)


@machines_group.command("list")
@DATA
@AS_JSON
def list_machines(data: Path | None, as_json: bool) -> None:
    """List the machines as AWS sees them now."""
    with sentences():
        given = settings.load(data=data)
        from wake_service.aws.inventory import list_machines as listed

        found = [thing for thing in with_account(given, lambda aws: listed(aws, given.aws_deployment)) if thing.paints]
    if as_json:
        rows = [{"id": m.id, "state": m.state, "type": m.model, "spot": m.spot, "tags": m.tags} for m in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for machine in found:
        click.echo(f"{machine.id}  {machine.state:13}  {machine.model:12}  {'spot' if machine.spot else ''}".rstrip())
    if not found:
        click.echo("There is no machine. Create one: wakebrush machines create", err=True)


async def _find_strays(aws: Aws, deployment: str) -> list[tuple[Thing, str]]:
    from wake_service.aws.inventory import strays, take_inventory
    from wake_service.aws.stack import find_stack, image_in_use

    stack = await find_stack(aws, deployment)
    image = None if stack is None else await image_in_use(aws, stack)
    return strays(await take_inventory(aws, deployment), frozenset({image} if image else ()))


async def _options(aws: Aws, given: Settings, pool: str) -> Any:
    """What the provider is told; what the settings leave open is the stack's."""
    from wake_service.aws.stack import find_stack
    from wake_service.providers.ec2.options import Ec2Options

    stack = None
    if given.aws_launch_template is None or given.aws_security_group is None:
        stack = await find_stack(aws, given.aws_deployment)
        if stack is None:
            raise SetupError(
                f'There is no stack "{given.aws_deployment}" in {given.aws_region} to make a machine from. '
                "`wakebrush aws doctor` says what is missing."
            )
    return Ec2Options.of(given, pool=pool, stack=stack)


def open_account(given: Settings) -> Aws:
    """The account that the settings name. Raises SetupError when the libraries for AWS are not installed."""
    try:
        from wake_service.aws.clients import Aws
    except ImportError as error:
        raise SetupError('The libraries for AWS are not installed. Install them: pip install "wakebrush[aws]".') from error
    return Aws(given.aws_region, SystemClock(), endpoint=given.aws_endpoint)


def with_account(given: Settings, work: Callable[[Aws], Awaitable[T]]) -> T:
    async def main() -> T:
        return await work(open_account(given))

    return asyncio.run(main())

"""The one rule of the security group that the service owns: who may reach the guards is the service's present address."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.errors import ProviderError, ProviderTimeout
from wake_service.providers.ec2.options import Ec2Options
from wake_service.settings import Settings

#: Amazon's own answer to "which address do I come from": one line of text.
CHECK_ADDRESS = "https://checkip.amazonaws.com"
_SECONDS = 5.0
_LONGEST = 64
#: How old our own address may be while a machine that boots does not answer yet.
ADDRESS_SECONDS = 10.0
Address = Callable[[], Awaitable[str]]


async def public_address() -> str:
    """The address that this computer is seen to come from. Raises ProviderError."""
    try:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(CHECK_ADDRESS) as answer:
            text = (await answer.content.read(_LONGEST)).decode("ascii", "replace").strip()
            return str(ipaddress.ip_address(text))
    except TimeoutError as error:
        raise ProviderTimeout("This computer's public address could not be found out in time.") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise ProviderError("This computer's public address could not be found out.") from error


async def this_computer() -> str:
    """The address that a stand-in on this computer sees."""
    return "127.0.0.1"


def address_for(settings: Settings) -> Address:
    """Who says which address we come from: Amazon, unless this is a rehearsal, which nobody out there hears of."""
    return public_address if settings.aws_endpoint is None else this_computer


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    network: str
    port: tuple[int, int]


class WayIn:
    """Keeps the rule at the present address of whoever calls. It is known by its description, which names the deployment."""

    def __init__(self, aws: Aws, options: Ec2Options, address: Address) -> None:
        self._aws = aws
        self._clock = aws.clock
        self._options = options
        self._address = address
        self._lock = asyncio.Lock()
        self._group: str | None = None
        self._network: str | None = None
        self._asked_at = 0.0

    @property
    def mark(self) -> str:
        """The description by which the rule is known to be ours."""
        return f"{self._options.deployment}: {self._options.caller}, written by itself"

    async def open(self, *, look_again: bool = False) -> bool:
        """Lets our present address in, and no other that we let in before; True when the rule had to be changed.

        Without `look_again` our address is not asked for more often than every `ADDRESS_SECONDS`, and the rule is not looked
        at while the address is the one it was set to. Raises ProviderError
        when the address or the group cannot be found, or AWS refuses.
        """
        async with self._lock:
            if self._network is not None and not look_again and self._clock.now() < self._asked_at + ADDRESS_SECONDS:
                return False
            self._asked_at = self._clock.now()
            address = ipaddress.ip_address(await self._address())
            network = f"{address}/{address.max_prefixlen}"
            if network == self._network and not look_again:
                return False
            changed = await self._set(await self._find_group(), network, address.version)
            self._network = network
            return changed

    async def close(self) -> None:
        """Takes our rule away again, for callers who come once. Raises ProviderError when AWS refuses."""
        async with self._lock:
            group = await self._find_group()
            for rule in await self._rules(group):
                await self._revoke(group, rule)
            self._network = None

    async def _set(self, group: str, network: str, version: int) -> bool:
        port = self._options.guard_port
        rules = await self._rules(group)
        old = [rule for rule in rules if (rule.network, rule.port) != (network, (port, port))]
        missing = len(old) == len(rules)
        if missing:
            await self._authorize(group, network, version)
        for rule in old:
            await self._revoke(group, rule)
        return missing or bool(old)

    async def _find_group(self) -> str:
        if self._group is None:
            given = self._options.security_group
            wanted = given or f"{self._options.deployment}-machines"
            if wanted.startswith("sg-"):
                self._group = wanted
                return wanted
            answer = await self._aws.call("ec2", "describe_security_groups", Filters=[{"Name": "group-name", "Values": [wanted]}])
            groups = answer["SecurityGroups"]
            if len(groups) != 1:
                found = "is no security group" if not groups else "are several security groups"
                raise ProviderError(
                    f'There {found} named "{wanted}"; set aws_security_group to the id of the one that the machines use.'
                )
            self._group = groups[0]["GroupId"]
        return self._group

    async def _rules(self, group: str) -> list[_Rule]:
        pages = await self._aws.pages("ec2", "describe_security_group_rules", Filters=[{"Name": "group-id", "Values": [group]}])
        found = [rule for page in pages for rule in page["SecurityGroupRules"]]
        return [_read(rule) for rule in found if rule.get("Description") == self.mark and not rule.get("IsEgress")]

    async def _authorize(self, group: str, network: str, version: int) -> None:
        port = self._options.guard_port
        ranges = (
            {"IpRanges": [{"CidrIp": network, "Description": self.mark}]}
            if version == 4
            else {"Ipv6Ranges": [{"CidrIpv6": network, "Description": self.mark}]}
        )
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **ranges}
        pairs = tags.as_list({tags.DEPLOYMENT: self._options.deployment})
        try:
            await self._aws.call(
                "ec2",
                "authorize_security_group_ingress",
                GroupId=group,
                IpPermissions=[permission],
                TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": pairs}],
            )
        except AwsError as error:
            if error.code != "InvalidPermission.Duplicate":  # an answer was lost, or somebody wrote it by hand
                raise

    async def _revoke(self, group: str, rule: _Rule) -> None:
        try:
            await self._aws.call("ec2", "revoke_security_group_ingress", GroupId=group, SecurityGroupRuleIds=[rule.id])
        except AwsNotFound:
            return


def _read(rule: dict[str, Any]) -> _Rule:
    network = rule.get("CidrIpv4") or rule.get("CidrIpv6") or ""
    return _Rule(rule["SecurityGroupRuleId"], network, (rule.get("FromPort", -1), rule.get("ToPort", -1)))

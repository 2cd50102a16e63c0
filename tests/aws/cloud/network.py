"""Who gets through to a machine: its public address and its security groups."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from moto.ec2.models.instances import Instance


def lets_in(instance: Instance, address: str, port: int) -> bool:
    """Whether a rule of the instance's security groups lets TCP from `address` to `port` in."""
    return any(_matches(rule, address, port) for group in _groups(instance) for rule in group.ingress_rules)


def _groups(instance: Instance) -> list[Any]:
    groups = {group.id: group for group in instance.security_groups}
    for nic in instance.nics.values():
        groups.update({group.id: group for group in nic.group_set})
    return list(groups.values())


def _matches(rule: Any, address: str, port: int) -> bool:
    if str(rule.ip_protocol) not in ("tcp", "6", "-1"):
        return False
    if str(rule.ip_protocol) != "-1" and not int(rule.from_port) <= port <= int(rule.to_port):
        return False
    cidr = rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6")
    return bool(cidr) and ip_address(address) in ip_network(cidr, strict=False)

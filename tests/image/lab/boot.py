"""How a machine booted, as its systemd wrote it down."""

from __future__ import annotations

import re

from tests.image.lab.machine import Machine

#: What tests/image/practice/main.py says first.
_BEGAN = re.compile(r"main\.py runs since ([\d.]+)")


def boot_share(machine: Machine) -> float:
    """Seconds from basic.target, from which on a service may run, until the engine's own program does: our units that come
    before it, and our launcher."""
    journal = machine.run("journalctl", "--boot", "--no-pager", "--unit", "comfyui.service", "--output", "cat")
    began = _BEGAN.search(journal)
    assert began is not None, f"the engine has not said when it began: {journal[-2000:]}"
    basic = machine.run("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", "basic.target")
    return float(began[1]) - int(basic) / 1e6

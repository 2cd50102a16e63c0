"""The provider's options, from the admin's settings."""

from __future__ import annotations

from pathlib import Path

from wake_service.providers.ec2.options import Ec2Options
from wake_service.settings import Settings


def test_the_settings_say_which_machines_are_ours(tmp_path: Path) -> None:
    plan = tmp_path / "capacity.toml"
    plan.write_text("tries = 2\n")
    settings = Settings(
        data=tmp_path, aws_deployment="studio", aws_guard_port=9443, aws_security_group="sg-1", aws_capacity_file=plan
    )
    options = Ec2Options.of(settings)
    assert (options.deployment, options.guard_port, options.security_group, options.plan.tries) == ("studio", 9443, "sg-1", 2)
    assert options.template_name == "studio" and options.parameter("i-1") == "/studio/guard/i-1"

"""cloud_image/docker: what can be said of a Dockerfile and a compose file without a container engine."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud_image.settings import load
from tests.support.dockerfile import last, read

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "cloud_image" / "docker"
STARTED = ("engine", "guard", "service")
STAGES = read(DOCKER / "Dockerfile")


def compose(name: str) -> Any:
    class Loader(yaml.SafeLoader):
        """YAML with compose's own `!reset`."""

    Loader.add_constructor("!reset", lambda loader, node: None)
    return yaml.load((DOCKER / name).read_text(encoding="utf-8"), Loader)


def test_every_file_that_is_copied_is_there_and_let_through_to_the_builder() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    for stage in STAGES.values():
        for argument in stage.all("COPY"):
            if argument.startswith("--from="):
                assert argument.split()[0].removeprefix("--from=") in STAGES
                continue
            *sources, _ = [word for word in argument.split() if not word.startswith("--")]
            for source in sources:
                for variant in ("gpu", "cpu"):
                    path = source.replace("${VARIANT}", variant)
                    assert (ROOT / path).exists(), path
                    assert any(Path(path).match(pattern) or path.startswith(f"{pattern}/") for pattern in allowed), path


def test_nothing_is_taken_from_a_moving_base() -> None:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    [base] = re.findall(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    assert re.fullmatch(r"[a-z]+:\d+(\.\d+)+", base)
    assert ":latest" not in text
    images = [service["image"] for service in compose("compose.yaml")["services"].values()]
    assert all(re.fullmatch(r"wakebrush-[a-z]+:\d+\.\d+\.\d+", image) for image in images)


@pytest.mark.parametrize("name", STARTED)
def test_nobody_is_root_in_what_is_started(name: str) -> None:
    assert last(STAGES, name, "USER") in ("comfyui", "wakebrush-guard")


@pytest.mark.parametrize(("name", "port"), [("engine", "8188"), ("guard", "8443"), ("service", "7717")])
def test_what_is_started_says_its_port_and_whether_it_is_well(name: str, port: str) -> None:
    stage = STAGES[name]
    assert stage.all("EXPOSE") == [port]
    [health] = stage.all("HEALTHCHECK")
    command = json.loads(health[health.index("CMD ") + 4 :])
    assert any(f":{port}" in word for word in command)
    [entry] = stage.all("ENTRYPOINT")
    assert json.loads(entry)[0].startswith("/")


def test_every_step_that_is_run_is_a_step_and_is_told_by_arguments_of_its_own_stage() -> None:
    steps = {path.stem[3:]: path.read_text(encoding="utf-8") for path in (ROOT / "packer" / "scripts").glob("[0-9][0-9]-*.sh")}
    common = (ROOT / "packer" / "scripts" / "common.sh").read_text(encoding="utf-8")
    known = set(re.findall(r"\$\{(WB_\w+):=", common))
    for stage in STAGES.values():
        arguments = {argument.partition("=")[0] for argument in stage.all("ARG")}
        assert {name for name in arguments if name.startswith("WB_")} <= known
        for run in stage.all("RUN"):
            for names in re.findall(r"scripts/install ((?:[a-z-]+ )*[a-z-]+)", run):
                for step in names.split():
                    assert step in steps
                    assert set(re.findall(r"\$(?:\{)?(WB_\w+)", steps[step])) <= arguments | {"WB_DRIVER"}


def test_the_revision_is_the_one_of_the_machine_image() -> None:
    [revision] = [argument for argument in STAGES["engine"].all("ARG") if argument.startswith("WB_COMFYUI_REVISION=")]
    variables = (ROOT / "packer" / "variables.pkr.hcl").read_text(encoding="utf-8")
    default = re.search(r'variable "comfyui_revision" \{.*?default\s+= "([^"]+)"', variables, re.DOTALL)
    assert default is not None and default[1] == revision.partition("=")[2]


@pytest.mark.parametrize("variant", ["gpu", "cpu"])
def test_the_settings_of_a_container_can_be_used_and_need_no_cloud(variant: str) -> None:
    settings = load(DOCKER / f"machine.{variant}.toml")
    assert settings.cloud == "none"
    assert ("--cpu" in settings.engine.flags) == (variant == "cpu")
    assert settings.engine.flags[:2] == ["--listen", "0.0.0.0"]


def test_the_compose_file_builds_each_of_its_services_from_the_dockerfile() -> None:
    services = compose("compose.yaml")["services"]
    assert set(services) == set(STARTED)
    for name, service in services.items():
        assert service["build"]["target"] == name
        assert (DOCKER / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        declared = {argument.partition("=")[0] for stage in STAGES.values() for argument in stage.all("ARG")}
        assert set(service["build"]["args"]) <= declared


def test_a_gpu_is_reserved_for_what_paints_and_given_back_on_a_computer_without() -> None:
    services, without = compose("compose.yaml")["services"], compose("compose.cpu.yaml")["services"]
    painting = {name for name, service in services.items() if "deploy" in service}
    assert painting == {"engine", "service"}
    for name in painting:
        [device] = services[name]["deploy"]["resources"]["reservations"]["devices"]
        assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
        assert without[name]["deploy"] is None
        assert without[name]["build"]["args"]["VARIANT"] == "cpu"
        assert without[name]["image"] != services[name]["image"]


def test_only_the_guard_is_open_to_others() -> None:
    ports = [port for service in compose("compose.yaml")["services"].values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:7717:7717", "8443:8443"]


def test_the_guard_reaches_engine_and_agent_as_on_a_machine() -> None:
    services = compose("compose.yaml")["services"]
    assert services["guard"]["network_mode"] == "service:engine"
    assert "run:/run/wakebrush" in services["engine"]["volumes"] and "run:/run/wakebrush" in services["guard"]["volumes"]
    token = tomllib.loads((DOCKER / "machine.gpu.toml").read_text(encoding="utf-8"))["guard"]["token_file"]
    assert token == f"/run/secrets/{services['guard']['secrets'][0]}"
    assert "secrets" not in services["engine"]


@pytest.mark.parametrize("name", STARTED)
def test_what_is_started_can_gain_no_rights(name: str) -> None:
    service = compose("compose.yaml")["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service

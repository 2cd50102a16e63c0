"""What a machine says of itself against what its image is tagged with."""

from __future__ import annotations

from wake_service.agent.wire import Agent, Engine, EngineState, Gpu, Report, Stage
from wake_service.comfy.reports import SystemStats
from wake_service.images.agreement import disagreements

A10G = Gpu(name="NVIDIA A10G", busy_percent=0.0, window_seconds=60.0, vram_used=0, vram_total=24 * 1024**3)


def report(*gpus: Gpu) -> Report:
    agent = Agent(version="0.1.0", capabilities=())
    return Report(
        agent=agent, machine="i-1", boot="b", at=1.0, stage=Stage.ENGINE, engine=Engine(state=EngineState.READY), gpus=gpus
    )


def said(
    *gpus: Gpu, engine: str = "0.45.2", nodes: tuple[str, ...] = ("KSampler",), exported: tuple[str, ...] = (), **tagged: str
) -> str:
    versions = {name.replace("_", "-"): value for name, value in tagged.items()}
    return " ".join(disagreements(versions, report(*gpus), SystemStats(engine, (), {}), nodes, exported))


def test_a_machine_that_is_as_tagged_gives_no_word() -> None:
    assert said(A10G, comfyui="v0.45.2", wakebrush_machine="0.1.0", driver="580.95.05", exported=("KSampler",)) == ""


def test_an_image_without_tags_is_not_held_against_the_machine() -> None:
    assert said() == ""


def test_a_commit_is_no_version_to_compare() -> None:
    assert said(comfyui="a" * 40) == ""


def test_another_engine_or_agent_is_said() -> None:
    assert "says that it is 0.45.2" in said(comfyui="v0.46.0")
    assert "tagged with the agent 0.2.0" in said(wakebrush_machine="0.2.0")


def test_a_driver_that_sees_no_gpu_or_lost_it_is_said() -> None:
    assert "sees no GPU" in said(driver="580.95.05")
    assert "The driver of NVIDIA A10G does not answer." in said(A10G.model_copy(update={"lost": True}), driver="580.95.05")


def test_an_image_without_a_driver_needs_no_gpu() -> None:
    assert said(driver="none") == ""


def test_missing_nodes_are_named_and_counted() -> None:
    text = said(exported=tuple(f"Node{number}" for number in range(8)))
    assert "Node0, Node1, Node2, Node3, Node4 and 3 more" in text

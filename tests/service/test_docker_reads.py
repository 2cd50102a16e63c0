"""What the docker makes of the service's answers: both ends of the wire, without what is between them."""

from __future__ import annotations

from typing import Any

from tests.service.house import PRICE, TEXT, House, accepted
from tests.service.test_barred_models import LORA, know
from wake_service.machines.model import MachineState
from wakebrush.client.catalogue import Models
from wakebrush.client.model import Cancelled, Job, Machine, Price, PriceQuote, Style


async def asked(house: House, method: str, path: str, **more: Any) -> Any:
    answer = await house.mira.ask(method, path, **more)
    assert answer.status in (200, 202), answer.body
    return answer.json


async def test_prices_are_read_in_their_parts(house: House) -> None:
    quote = PriceQuote.parse(await asked(house, "POST", "/v1/price", json=TEXT))
    assert quote.price.includes_wake and quote.price.estimate and quote.wake and quote.pictures and quote.idle
    parts = quote.wake.amount + quote.pictures.amount + quote.idle.amount
    assert abs(quote.price.estimate.amount - parts) < 1e-6
    assert quote.ahead == 0 and quote.eta_seconds


async def test_gathered_jobs_are_read_from_the_press_to_their_end(house: House) -> None:
    gathered = Job.parse(await accepted(house.mira, gather=True, group="press", front=True, seed=7))
    assert (gathered.gathered, gathered.group, gathered.front, gathered.seed, gathered.prompt) == (
        True, "press", True, 7, "a lighthouse",
    )  # fmt: skip
    assert gathered.created_at is not None and gathered.cost is not None and gathered.ahead is None
    released = await asked(house, "POST", "/v1/gathered/release")
    assert [Job.parse(each).gathered for each in released["jobs"]] == [False]
    assert Price.parse(released["price"]).includes_wake
    await house.until(MachineState.WAKING)
    cancelled = Cancelled.parse(await asked(house, "DELETE", f"/v1/jobs/{gathered.id}"))
    assert (cancelled.job.state, cancelled.machine_sleeps) == ("cancelled", True)


async def test_a_held_machine_says_by_whom(painting_house: House) -> None:
    house = painting_house
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    held = await asked(house, "PUT", "/v1/machines/m1/hold", json={"seconds": 3600})
    machine, price = Machine.parse(held["machine"]), Price.parse(held["price"])
    assert machine.held_until is not None and machine.held_by and price.estimate
    assert price.estimate.amount == PRICE / 1e6


async def test_styles_and_models_come_with_what_they_are_made_of_and_their_licence(painting_house: House) -> None:
    house = painting_house
    know(house, (LORA, "ask"), ("checkpoints/practice-sd15.safetensors", "yes"))
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    await house.until(MachineState.ASLEEP)
    styles = {each["name"]: Style.parse(each) for each in (await asked(house, "GET", "/v1/styles"))["styles"]}
    gouache, flux = styles["practice-gouache"], styles["practice-flux"]
    assert gouache.licence is not None and gouache.licence.commercial == "ask"
    assert (gouache.checkpoint, gouache.loras[0].name) == ("practice-sd15.safetensors", "practice-gouache.safetensors")
    assert (gouache.sampler, gouache.scheduler, gouache.steps, gouache.cfg) == ("dpmpp_2m", "karras", 12, 7.0)
    assert (flux.checkpoint, flux.vae, flux.guidance) == ("", "practice-vae.safetensors", 3.5)
    models = Models.parse(await asked(house, "GET", "/v1/models"))
    licence = models.licence("practice-gouache.safetensors")
    assert licence is not None and (licence.name, licence.commercial) == ("LicenseRef-NC", "ask")
    assert "karras" in models.schedulers and "practice-fill.safetensors" in models.of("inpaint")

"""Whether a graph may be painted now: room, budget, models that the team has barred, nodes that reach too far."""

from __future__ import annotations

from collections.abc import Iterator

from wake_service.accounts import people
from wake_service.gateway.doorway import GatewayVisit
from wake_service.gateway.refusals import comfy_error
from wake_service.machinery import POOL
from wake_service.models.classes import barred_sentence
from wake_service.workflows.model import Graph
from wake_service.workflows.paths import forbidden_nodes, refused


async def check_may_paint(visit: GatewayVisit, graph: Graph) -> None:
    """Raises Refusal (402 budget_exhausted, 403 model_barred, 429 queue_full, 507 storage_full), GraphRefused for such nodes."""
    service, who = visit.service, visit.who
    if not await service.has_room():
        raise comfy_error(507, "storage_full", "The service's disk is full, so no picture could be kept. Ask your admin.")
    if not service.exchange.may_begin(who.team_id, POOL, 1):
        told = f"The budget of team {who.team_name} for this month is used up. Ask your admin."
        raise comfy_error(402, "budget_exhausted", told)
    if service.book.board.count_of_artist(who.artist_id) >= service.settings.max_unfinished_jobs:
        raise comfy_error(429, "queue_full", "So many prompts of yours are waiting already. Wait for some, or cancel them.")
    if barred := service.model_classes.barred(list(_models(visit, graph)), who.barred):
        raise comfy_error(403, "model_barred", barred_sentence(barred))
    await _check_reach(visit, graph)


async def _check_reach(visit: GatewayVisit, graph: Graph) -> None:
    """Where several artists share machines, what could name files of others is refused."""
    service = visit.service
    if service.settings.isolation != "shared":
        return
    reaching = forbidden_nodes(graph, service.catalogues.get(POOL), service.settings.gateway_path_nodes)
    if reaching and await service.store.read(people.count) > 1:
        raise refused(reaching)


def _models(visit: GatewayVisit, graph: Graph) -> Iterator[tuple[str, str]]:
    """Folder and name of the models that a graph loads."""
    catalogue = visit.service.catalogues.get(POOL)
    folders = catalogue.models() if catalogue is not None and visit.who.barred else {}
    known = {name: folder for folder, names in folders.items() for name in names}
    for node in graph.values():
        for value in node["inputs"].values():
            if isinstance(value, str) and value in known:
                yield known[value], value

"""Styles and models, known also while every machine sleeps."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from wake_service.answers import json_answer
from wake_service.api.access import Reading
from wake_service.clock import iso
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.request import Style
from wake_service.comfy.styles import missing_models, needed_models
from wake_service.machinery import POOL
from wake_service.models.classes import ModelClasses, barred_sentence, licence_of

router = APIRouter()


@router.get("/v1/styles")
async def styles(visit: Reading) -> Response:
    """What can be asked for; `available` is null while nobody knows."""
    service = visit.service
    catalogue = service.catalogues.get(POOL)
    listed = [_style_view(style, catalogue, service.model_classes, visit.who.barred) for style in service.styles()]
    return json_answer({"styles": listed})


@router.get("/v1/models")
async def models(visit: Reading) -> Response:
    """Model files of the machines, as last seen."""
    service = visit.service
    catalogue, as_of = service.catalogues.get(POOL), service.catalogues.as_of(POOL)
    folders = catalogue.models() if catalogue else {}
    found = [
        {"name": name, "folder": folder, "licence": licence_of([service.model_classes.about(folder, name)])}
        for folder, names in folders.items()
        for name in names
    ]
    samplers, schedulers = (catalogue.choices("KSampler", asked) if catalogue else () for asked in ("sampler_name", "scheduler"))
    seen = None if as_of is None else iso(as_of)
    return json_answer({"models": found, "samplers": samplers, "schedulers": schedulers, "as_of": seen})


def _style_view(style: Style, catalogue: Catalogue | None, classes: ModelClasses, bars: Collection[str]) -> dict[str, Any]:
    needed = needed_models(style)
    barred = classes.barred(needed, bars)
    missing = missing_models(style, catalogue) if catalogue else []
    return {
        "name": style.name,
        "title": style.title,
        "description": style.description,
        "base": style.base,
        "width": style.width,
        "height": style.height,
        "checkpoint": style.checkpoint,
        "vae": style.vae,
        "loras": style.loras,
        "sampler": style.sampler,
        "scheduler": style.scheduler,
        "steps": style.steps,
        "cfg": style.cfg,
        "guidance": style.guidance,
        "prompt_template": style.prompt_template,
        "negative_prompt": style.negative_prompt,
        "default_strength": style.default_strength,
        "available": False if barred else None if catalogue is None else not missing,
        "missing": missing,
        "barred": barred_sentence(barred) if barred else None,
        "licence": licence_of([classes.about(folder, name) for folder, name in needed]),
    }

"""The style that a picture is to be painted with: whether there is one, whether her team may, whether the machines can."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from wake_service.accounts.tokens import Identity
from wake_service.api import problems
from wake_service.api.asking import GenerateBody
from wake_service.app import Service
from wake_service.comfy.overrides import fill_models, not_offered, own_style
from wake_service.comfy.request import Mode, Style
from wake_service.comfy.styles import missing_models, needed_models
from wake_service.errors import RequestError
from wake_service.machinery import POOL
from wake_service.models.classes import barred_sentence
from wake_service.models.names import is_name

_OVER_IT = "What is in the hole is painted over as it is."


@dataclass(frozen=True, slots=True)
class Filler:
    """The model that fills a hole before it is painted; without one, a sentence on why there is none."""

    name: str | None = None
    remark: str | None = None


def check_style(body: GenerateBody, who: Identity, service: Service) -> None:
    """Raises RequestError `unknown_style`, `invalid_request`, `model_barred` or `model_missing`.

    What she has changed is judged with what it is changed of: nobody gets around a bar with a style of her own.
    """
    base = service.style(body.style)
    if base is None:
        raise RequestError(
            422, "unknown_style", f"There is no style “{body.style}”.", hint="Choose one from the list.", field="style"
        )
    style = own_style(base, body.own_overrides(), body.own_loras())
    needed = needed_models(style)
    _check_names(set(needed) - set(needed_models(base)), service)
    if barred := service.model_classes.barred(needed, who.barred):
        hint = "Choose another style, or ask your admin."
        raise RequestError(403, "model_barred", barred_sentence(barred), hint=hint, field="style")
    _check_machines(style, service)


def _check_names(named: Collection[tuple[str, str]], service: Service) -> None:
    """While no machine has been seen, whose lists would show what is no model: nothing that leads elsewhere."""
    if service.catalogues.get(POOL) is not None:
        return
    for folder, name in named:
        if not is_name(f"{folder}/{name}"):
            raise problems.invalid(422, f"“{name}” cannot be a model's name.", "loras" if folder == "loras" else "overrides")


def _check_machines(style: Style, service: Service) -> None:
    catalogue = service.catalogues.get(POOL)
    if catalogue is None:
        return
    if missing := missing_models(style, catalogue):
        raise RequestError(
            422,
            "model_missing",
            f"The machines lack a model of the style “{style.title}”: {', '.join(missing)}.",
            hint="Choose another style, or ask your admin to install it.",
            detail=", ".join(missing),
            models=missing,
        )
    for member, name in not_offered(style, catalogue):
        raise problems.invalid(422, f"The machines have no {member} “{name}”.", f"overrides.{member}")


def filler(body: GenerateBody, who: Identity, service: Service) -> Filler:
    """What fills the hole, if that was asked for."""
    if body.fill is None or body.mode is not Mode.INPAINT:
        return Filler()
    catalogue = service.catalogues.get(POOL)
    if catalogue is None:
        return Filler(remark=f"No machine has been seen yet that has a model for filling holes. {_OVER_IT}")
    there = fill_models(catalogue)
    allowed = [name for name in there if not service.model_classes.barred([("inpaint", name)], who.barred)]
    if allowed:
        return Filler(allowed[0])
    why = "Your team does not paint with the machines' models" if there else "The machines have no model"
    return Filler(remark=f"{why} for filling holes. {_OVER_IT}")

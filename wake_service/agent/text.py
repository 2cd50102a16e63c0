"""Messages of a machine's wire as texts: written, read, refused with a sentence, and described by a JSON schema."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.json_schema import models_json_schema

from wake_service.errors import ProviderError

from .wire import ORDERS, WIRE, KeptResult, Message, Order, Reply, Report


class WireError(ProviderError):
    """A message that cannot be understood; the text says why, and what to do."""


#: Of what the other side sent, so many characters at most are repeated in a sentence.
SHOWN = 40

_order: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="type")])
_any_json: TypeAdapter[Any] = TypeAdapter(Any)


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of all messages: `$defs` has Report, Reply, each order and KeptResult."""
    messages: list[type[Message]] = [Report, Reply, *get_args(Order)]
    wanted: list[tuple[Any, Any]] = [(model, "validation") for model in (*messages, KeptResult)]
    _, found = models_json_schema(wanted, title="The machine's wire")
    for model in messages:
        always = {"type", "wire", "id"} & set(model.model_fields)
        definition = found["$defs"][model.__name__]
        definition["required"] = sorted(always | set(definition.get("required", ())))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": f"Version {WIRE}. One JSON text a message; fields that a reader does not know are skipped.",
        **found,
        "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in messages],
    }


def write(message: Message) -> str:
    """The message as one line of JSON."""
    return message.model_dump_json()


def read_order(text: str) -> Order | Reply:
    """The order in a text, or the refusal to send back for what is none. Raises nothing."""
    fields = _object(text)
    if fields is None:
        return Reply(order="", done=False, sentence="This was no order: an order is a JSON object.")
    id = fields.get("id")
    id = id if isinstance(id, str) else ""
    refusal = _refusal(fields)
    if refusal:
        return Reply(order=id, done=False, sentence=refusal)
    try:
        return _order.validate_python(fields)
    except ValidationError as flaw:
        return Reply(order=id, done=False, sentence=f"The order cannot be read: {_flaws(flaw)}.")


def read_message(text: str) -> Report | Reply | None:
    """The report or reply in a text; None for a kind of message that this version does not know, which is to be skipped.

    Raises WireError with a sentence.
    """
    fields = _object(text)
    if fields is None:
        raise WireError("The machine sent something that is no message of its agent. Is another program behind its guard?")
    if fields.get("wire") != WIRE:
        raise WireError(version_mismatch(agent=fields.get("wire"), service=WIRE))
    try:
        match fields.get("type"):
            case "report":
                return Report.model_validate(fields)
            case "reply":
                return Reply.model_validate(fields)
    except ValidationError as flaw:
        raise WireError(f"The machine's {fields['type']} cannot be read: {_flaws(flaw)}.") from flaw
    return None


def _refusal(fields: dict[str, Any]) -> str:
    """Why these fields cannot be an order of ours; empty if they may be one."""
    if fields.get("wire") != WIRE:
        return version_mismatch(agent=WIRE, service=fields.get("wire"))
    if not fields.get("id"):
        return "This was no order: it has no id."
    if fields.get("type") not in ORDERS:
        name = str(fields.get("type"))[:SHOWN]
        return f'This machine\'s agent does not know the order "{name}"; it knows {", ".join(ORDERS)}.'
    return ""


def version_mismatch(*, agent: Any, service: Any) -> str:
    """The sentence for two sides that speak different versions."""
    old_image = isinstance(agent, int) and isinstance(service, int) and agent < service
    advice = "Build a new machine image." if old_image else "Update the wake service."
    return (
        f"The machine's agent speaks version {_shown(agent)} of the wire and the wake service version {_shown(service)}, "
        f"so they cannot work together. {advice}"
    )


def _shown(version: Any) -> str:
    return str(version)[:SHOWN] if isinstance(version, int) else "unknown"


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = _any_json.validate_json(text)
    except ValidationError:
        return None
    return found if isinstance(found, dict) else None


def _flaws(error: ValidationError) -> str:
    """`queue.running: Input should be greater than or equal to 0`, joined."""
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, flaw['loc']))}: {flaw['msg']}" for flaw in found[:5])

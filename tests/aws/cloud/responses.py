"""EC2's answers where moto's are not AWS's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from moto.core.responses import ActionContext, ActionResult
from moto.core.serialize import EC2Serializer
from moto.ec2.responses import EC2Response

from tests.aws.cloud.picker import Picker


class QuickSerializer(EC2Serializer):
    """Writes what moto's serializer writes, without looking at every name again."""

    def _serialize_body(self, body: Mapping[str, Any]) -> str:
        ((name, value),) = body.items()
        return f'<?xml version="1.0" encoding="utf-8"?>\n{_element(name, value)}'


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if not isinstance(value, Mapping):
        return f"<{name}/>" if value in (None, "") else f"<{name}>{escape(str(value))}</{name}>"
    attributes = "".join(f' {key[1:]}="{escape(str(text))}"' for key, text in value.items() if key.startswith("@"))
    inside = "".join(_element(key, one) for key, one in value.items() if not key.startswith("@"))
    return f"<{name}{attributes}>{inside}</{name}>"


class Quick(ActionResult):
    """An answer that is written out fast."""

    def execute_result(self, context: ActionContext) -> Any:
        transformers = context.response.RESPONSE_KEY_PATH_TO_TRANSFORMER
        serializer = QuickSerializer(context.operation_model, value_picker=Picker(response_transformers=transformers))
        sent = serializer.serialize(self.result)
        return sent["status_code"], sent["headers"], sent["body"]


class Ec2Response(EC2Response):
    """One answer of EC2: passes on what moto drops on the way, and says the states as they are."""

    def describe_instances(self) -> ActionResult:
        return Quick(super().describe_instances().result)

    def run_instances(self) -> ActionResult:
        self.ec2_backend.asked_market = self._get_param("InstanceMarketOptions", {})
        answer = super().run_instances()
        self.ec2_backend.hide(answer.result.instances)
        return answer

    def start_instances(self) -> ActionResult:
        return self._as_it_is(super().start_instances(), "StartingInstances")

    def stop_instances(self) -> ActionResult:
        self.ec2_backend.asked_force = bool(self._get_bool_param("Force", False))
        return self._as_it_is(super().stop_instances(), "StoppingInstances")

    def terminate_instances(self) -> ActionResult:
        return self._as_it_is(super().terminate_instances(), "TerminatingInstances")

    def _as_it_is(self, answer: ActionResult, name: str) -> ActionResult:
        changes: list[dict[str, Any]] = answer.result[name]
        for change in changes:
            state = self.ec2_backend.get_instance(change["InstanceId"])._state
            change["CurrentState"] = {"Code": state.code, "Name": state.name}
        return answer

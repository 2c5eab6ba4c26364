"""Event source mappings in Lambda's management API. [DOC] lambda-api:CreateEventSourceMapping"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ....foundation.place import arn_of
from ...described.lambda_functions import function_name
from ..edits import Edits
from ..engine import Engine, Placed
from ..query import ApiError
from ..strangers import SOURCE, not_there
from .constraints import violated
from .paging import page

_SETTINGS: Final = (
    *("BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "Enabled", "EventSourceArn", "FilterCriteria"),
    *("FunctionName", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds"),
    *("MaximumRetryAttempts", "ParallelizationFactor", "ScalingConfig", "StartingPosition"),
    "StartingPositionTimestamp",
)
_POSITION: Final = "StartingPosition"
_FIELD: Final = "startingPosition"
_POSITIONS: Final = ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON")
PAGE: Final = 100
"""How many mappings are told at once. [DOC] lambda-api:ListEventSourceMappings, ``MaxItems``"""
_READ: Final = ("dynamodb", "kinesis", "sqs")
_OTHERS: Final = ("kafka", "mq", "rds")
"""Services whose sources Lambda reads, too, and nobody here has."""
_DEFAULTS: Final[Mapping[str, Any]] = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
_OF_STREAMS: Final[Mapping[str, Any]] = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "LastProcessingResult": "No records processed",
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
"""[REC] ls-snap test_lambda_api.py, test_event_source_mapping_lifecycle: what is told without having been set"""


class SourcesApi:
    """Answers for mappings of queues and of streams."""

    def __init__(self, engine: Engine, edits: Edits) -> None:
        self._engine = engine
        self._edits = edits

    async def create(self, content: Mapping[str, Any]) -> tuple[int, Any]:
        """Make one, of a source that is there."""
        properties = {each: content[each] for each in _SETTINGS if each in content}
        arn = str(properties.get("EventSourceArn") or "")
        _refuse(arn, properties)
        function = function_name(properties.get("FunctionName"))
        functions = {each.resource.name: each.resource for each in self._engine.placed("AWS::Lambda::Function")}
        if function not in functions:
            # [REC] ls-snap test_lambda_api.py, test_event_source_mapping_exceptions
            raise ApiError("InvalidParameterValueException", "Function does not exist")
        if not await self._engine.nearby.source(arn):
            raise ApiError("InvalidParameterValueException", not_there(arn))
        visible = await self._engine.nearby.visibility_seconds(arn)
        timeout = int(functions[function].properties.get("Timeout", 3))
        if visible is not None and visible < timeout:
            # [USR] Lambda's words
            text = f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds"
            raise ApiError("InvalidParameterValueException", text)
        for known in self._of(arn, function):
            # [USR] the words, which differ for queues
            named = f'(" {arn} ") and function (" {function} ")'
            is_queue = ":sqs:" in arn
            text = (
                f"An event source mapping with SQS arn {named} already exists."
                if is_queue
                else f"The event source arn {named} provided mapping already exists."
            )
            text = f"{text} Please update or delete the existing mapping with UUID {known.resource.ref}"
            raise ApiError("ResourceConflictException", text, 409)
        name = await self._edits.made("Source", SOURCE, properties)
        made = next(each for each in self._engine.placed(SOURCE) if each.resource.logical_id == name)
        return 202, self._told(made)

    def listed(self, query: Mapping[str, str]) -> tuple[int, Any]:
        """Those of a source and of a function, as the names and values after the path say."""
        found = self._of(query.get("EventSourceArn"), query.get("FunctionName"))
        return 200, page("EventSourceMappings", [self._told(each) for each in found], query, PAGE)

    async def one(self, method: str, name: str, content: Mapping[str, Any]) -> tuple[int, Any]:
        """Tell of the one with this UUID, change or delete it."""
        found = next((each for each in self._engine.placed(SOURCE) if each.resource.ref == name), None)
        if found is None:
            raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        told = self._told(found)
        if method == "DELETE":
            await self._edits.removed(found)
            return 202, {**told, "State": "Deleting"}
        if method == "PUT":
            settings = {each: content[each] for each in _SETTINGS if each in content}

            def edit(resources: dict[str, Any]) -> None:
                resources[found.resource.logical_id]["Properties"].update(settings)

            await self._edits.changed(found, edit)
            again = next(each for each in self._engine.placed(SOURCE) if each.resource.ref == name)
            return 202, self._told(again)
        return 200, told

    def _of(self, arn: str | None, function: str | None) -> list[Placed]:
        """Mappings of a source and of a function; None: of any. [DOC] lambda-api:ListEventSourceMappings"""
        return [
            each
            for each in self._engine.placed(SOURCE)
            if arn in (None, str(each.resource.properties.get("EventSourceArn")))
            and (function is None or _function(each) == (function_name(function) or function))
        ]

    def _told(self, found: Placed) -> Mapping[str, Any]:
        properties = found.resource.properties
        told = {name: properties[name] for name in _SETTINGS if name in properties}
        is_on = told.pop("Enabled", True) not in (False, "false")
        told.pop("FunctionName", None)
        is_queue = ":sqs:" in str(properties.get("EventSourceArn"))
        mapping = f"event-source-mapping:{found.resource.ref}"
        return {
            **_DEFAULTS,
            **({} if is_queue else _OF_STREAMS),
            **told,
            "UUID": found.resource.ref,
            "EventSourceMappingArn": arn_of("lambda", self._engine.region, self._engine.account_id, mapping),
            "FunctionArn": self._engine.function_arn(f"{_function(found)}{_qualifier(properties)}"),
            "State": "Enabled" if is_on else "Disabled",
            "StateTransitionReason": "USER_INITIATED" if is_queue else "User action",
            "LastModified": found.age.changed,
        }


def _function(found: Placed) -> str | None:
    """The name of the function that a mapping is of."""
    return function_name(found.resource.properties.get("FunctionName"))


def _qualifier(properties: Mapping[str, Any]) -> str:
    """The version or alias that a mapping invokes, with its colon; empty: neither."""
    parts = str(properties.get("FunctionName")).split(":")
    name = parts.index("function") + 1 if "function" in parts[:-1] else 0
    return "".join(f":{each}" for each in parts[name + 1 :])


def _refuse(arn: str, properties: Mapping[str, Any]) -> None:
    """Refuse a source that Lambda does not read, and a position that its kind does not have; raises ApiError.

    [REC] ls-snap test_lambda_api.py, test_create_event_source_validation; [USR] node-lambda #466, of queues
    """
    service = arn.split(":")[2] if arn.startswith("arn:") and arn.count(":") > 1 else ""
    position = properties.get(_POSITION)
    is_stream = service in ("dynamodb", "kinesis")
    if service not in (*_READ, *_OTHERS):
        raise ApiError("InvalidParameterValueException", "Unrecognized event source.")
    if position is None and is_stream:
        raise ApiError("InvalidParameterValueException", f"{violated(_FIELD, None, 'not be null')}.")
    if position is not None and position not in _POSITIONS:
        raise violated(_FIELD, position, f"satisfy enum value set: [{', '.join(_POSITIONS)}]")
    if position is not None and service == "sqs":
        raise ApiError("InvalidParameterValueException", "StartingPosition is not valid for SQS event sources.")
    if position == "AT_TIMESTAMP" and service == "dynamodb":
        raise ApiError("InvalidParameterValueException", f"Unsupported starting position for arn type: {arn}")

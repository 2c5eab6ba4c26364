"""Takes from moto's EventBridge what its rules would send. Imported in the process of the services only."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.events.exceptions import InvalidEventPatternException, ResourceNotFoundException, ValidationException
from moto.events.models import EventPattern, EventPatternParser, EventsBackend, Rule, events_backends
from moto.events.responses import EventsHandler

from ..event_sources.eventbridge import event, scheduled_event
from ..event_sources.streams.filters import InvalidFilterPatternError
from ..foundation.json_bytes import is_object, parsed_json
from ..foundation.place import arn_of
from ..foundation.times import instant
from . import moto_sns
from .delivery import Delivery, Tell
from .eventbridge import inputs
from .eventbridge.patterns import compile_event_pattern
from .eventbridge.rule_clock import Clock, is_cron, is_rate, next_due

_MANDATORY: Final = {"id", "account", "source", "time", "region", "resources", "detail-type"}
"""Fields of an event that is tried on a pattern. [DOC] eb-api:API_TestEventPattern"""
_MOST_EVENTS: Final = 10
"""Of one request. [DOC] eb-api:API_PutEvents"""
_HOPS: Final = 5
"""Most buses that one event goes through: rules may send in a circle."""


class Events:
    """Sends on behalf of all rules."""

    def __init__(self, tell: Tell, now: Callable[[], datetime]) -> None:
        self._tell = tell
        self._now = now
        self._clock: Clock[tuple[str, str]] = Clock(lambda rule, now: next_due(rule[1], now))
        self._hops = 0

    def take(self) -> None:
        """Have all events handed over from now on."""
        parse = EventPatternParser.parse

        def parse_checked(parser: Any) -> Any:
            pattern = parse(parser)
            try:
                if parser.pattern:
                    compile_event_pattern(pattern)
            except InvalidFilterPatternError as error:
                raise InvalidEventPatternException(reason=error.problem) from error
            return pattern

        def matches_event(pattern: Any, event: Mapping[str, Any]) -> bool:
            return compile_event_pattern(pattern.get_pattern()).matches(event)

        def send_to_targets(rule: Any, original_event: Any, transform_input: bool = True) -> None:
            self.event(rule, original_event)

        put_events = EventsBackend.put_events

        def put_each(backend: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            if inputs.are_too_large(events):
                raise ValidationException("Total size of the entries in the request is over the limit.")
            if len(events) > _MOST_EVENTS:
                return list(put_events(backend, events))
            return [each for event in events for each in self._accepted(put_events, backend, event)]

        EventsBackend.put_events = put_each
        _check_rules()
        EventsHandler.test_event_pattern = _test_event_pattern
        EventPatternParser.parse = parse_checked
        EventPattern.matches_event = matches_event
        Rule.send_to_targets = send_to_targets

    def _accepted(self, put_events: Callable[..., Any], backend: Any, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The answer to one event: moto takes some that AWS does not, and fails all for one whose bus is not there."""
        if (refused := inputs.refused(event)) is not None:
            return [{"ErrorCode": refused[0], "ErrorMessage": refused[1]}]
        try:
            return list(put_events(backend, [event]))
        except ResourceNotFoundException:  # [USR] LocalStack's provider: accepted all the same
            to = arn_of("events", backend.region_name, backend.account_id, "event-bus/")
            bus = str(event.get("EventBusName", "")).rpartition("/")[2]
            self._tell(Delivery(to=f"{to}{bus}", by=f"source {event['Source']}", payload=""))
            return [{"EventId": str(uuid.uuid4())}]

    def put(self, sent: Mapping[str, Any], name: str) -> None:
        """Put an event of a service on a bus of its account and Region."""
        self._put(sent, events_backends[sent["account"]][sent["region"]].event_buses.get(name))

    def _put(self, sent: Mapping[str, Any], bus: Any | None) -> None:
        for rule in () if bus is None else list(bus.rules.values()):
            self.event(rule, sent)

    def event(self, rule: Any, told: Mapping[str, Any]) -> None:
        """Send an event to a rule's targets, if the rule waits for it."""
        if rule.state == "DISABLED" or not rule.event_pattern.get_pattern():
            return
        sent = _event(told)
        if compile_event_pattern(rule.event_pattern.get_pattern()).matches(sent):
            self._send(rule, sent)

    def tick(self) -> None:
        """Send on behalf of the rules that are due by the clock."""
        rules = {
            rule.arn: rule
            for regions in events_backends.values()
            for backend in regions.values()
            for bus in backend.event_buses.values()
            for rule in bus.rules.values()
            if rule.scheduled_expression and rule.state != "DISABLED"
        }
        now = self._now()
        timed = [(arn, rule.scheduled_expression) for arn, rule in sorted(rules.items())]
        for (arn, _), _ in self._clock.due(timed, now):
            self._send(rules[arn], scheduled_event(arn, now, event_id=str(uuid.uuid4())))

    def _send(self, rule: Any, sent: Mapping[str, Any]) -> None:
        of = inputs.Rule(rule.name, rule.arn)
        for target in copy.deepcopy(rule.targets):
            arn, by = str(target["Arn"]), f"rule {rule.name}"
            try:
                self._send_to(target, arn, by, inputs.target_input(target, sent, of, self._now()), sent)
            except Exception as error:  # noqa: BLE001 - moto's of any kind: told, and the other targets get theirs
                self._tell(Delivery.lost(arn, by, error))

    def _send_to(self, target: Mapping[str, Any], arn: str, by: str, text: str, sent: Mapping[str, Any]) -> None:
        if ":event-bus/" in arn:
            self._forward(arn, sent)
        elif ":sns:" in arn:
            moto_sns.send(arn, text, None)
        else:
            group = (target.get("SqsParameters") or {}).get("MessageGroupId")
            if ":kinesis:" in arn:
                group = inputs.partition_key(target, sent)
            self._tell(Delivery(to=arn, by=by, payload=text, group=group))

    def _forward(self, arn: str, sent: Mapping[str, Any]) -> None:
        """Put an event on another bus, with its id and time. [DOC] eb-docs:eb-bus-to-bus"""
        _arn, _partition, _service, region, account, name = arn.split(":")
        if self._hops >= _HOPS:
            return
        self._hops += 1
        try:
            self._put(sent, events_backends[account][region].event_buses.get(name.partition("/")[2]))
        finally:
            self._hops -= 1


def _check_rules() -> None:
    """Have rules and targets refused that EventBridge refuses and moto takes."""
    put_rule, put_targets = EventsBackend.put_rule, EventsBackend.put_targets

    def put_rule_checked(backend: Any, *arguments: Any, **named: Any) -> Any:
        expression = named.get("scheduled_expression")
        if expression and not (is_rate(expression) or is_cron(expression)):
            raise ValidationException("Parameter ScheduleExpression is not valid.")
        pattern = named.get("event_pattern")
        if pattern and not is_object(pattern.encode()):
            raise InvalidEventPatternException(reason="Filter is not an object")
        return put_rule(backend, *arguments, **named)

    def put_targets_checked(backend: Any, name: str, event_bus_arn: str | None, targets: Any) -> None:
        for wrong in filter(None, map(inputs.refused_target, targets)):
            raise ValidationException(wrong)
        put_targets(backend, name, event_bus_arn, targets)

    EventsBackend.put_rule = put_rule_checked
    EventsBackend.put_targets = put_targets_checked


def _test_event_pattern(handler: Any) -> str:
    """Answer whether an event matches, which moto does not. [DOC] eb-api:API_TestEventPattern, [INF] the words"""
    pattern, event = handler._get_param("EventPattern"), handler._get_param("Event")  # noqa: SLF001 - moto's way
    try:
        told = parsed_json(event)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not told.keys() >= _MANDATORY:
        raise ValidationException("Parameter Event is not valid.")
    if not is_object(pattern.encode()):
        raise InvalidEventPatternException(reason="Filter is not an object")
    return json.dumps({"Result": EventPattern.load(pattern).matches_event(told)})


def _event(told: Mapping[str, Any]) -> dict[str, Any]:
    """Moto's event as AWS's: the time in ISO 8601, and nothing of moto's own."""
    return event(
        event_id=str(told["id"]),
        source=str(told["source"]),
        detail_type=str(told["detail-type"]),
        detail=json.loads(json.dumps(told["detail"])),
        at=instant(told["time"]).astimezone(UTC),
        region=str(told["region"]),
        account=str(told["account"]),
        resources=[str(each) for each in told["resources"] or ()],
    )

"""What targets get of an event. [DOC] eb-docs:eb-transform-target-input"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.event_sources.eventbridge import event
from emulator.services.eventbridge.inputs import (
    Rule,
    are_too_large,
    filled,
    partition_key,
    refused,
    refused_target,
    target_input,
)

AT = datetime(2026, 11, 27, 9, 5, tzinfo=UTC)
RULE = Rule("r", "arn:aws:events:us-east-1:123456789012:rule/r")
# [DOC] as above: the documentation's example
SENT = event(
    event_id="7bf73129-1428-4cd3-a780-95db273d1602",
    source="aws.ec2",
    detail_type="EC2 Instance State-change Notification",
    detail={
        "instance-id": "i-0123456789",
        "state": "RUNNING",
        "tags": [{"a": 1}, 'say "hi"'],
        "object": {"acc_id": "0a787ecb-4015", "sf_id": "baz"},
        "lists": [["HIGH"], ["ACTIVE", "INACTIVE"]],
        "yes": True,
    },
    at=datetime(2015, 11, 11, 21, 29, 54, tzinfo=UTC),
    region="us-east-1",
    account="123456789012",
    resources=["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
)
PATHS = {
    "instance": "$.detail.instance-id",
    "object": "$.detail.object",
    "one": "$.detail.lists[0]",
    "more": "$.detail.lists[1]",
    **{name: f"$.detail.{name}" for name in ("state", "tags", "yes", "no")},
}


def transformed(template: str) -> str:
    target = {"InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": template}}
    return target_input(target, SENT, RULE, AT)


def test_an_event_has_the_documented_fields() -> None:
    assert list(SENT) == [
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"),
    ]
    assert SENT["time"] == "2015-11-11T21:29:54Z"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({}, json.dumps(SENT, separators=(",", ":"))),
        ({"Input": '{"constant": true}'}, '{"constant": true}'),
        ({"InputPath": "$.detail.state"}, '"RUNNING"'),
        ({"InputPath": "$.detail.tags[0]"}, '{"a":1}'),
        ({"InputPath": "$.detail.lists[*][0]"}, '["HIGH","ACTIVE"]'),
        ({"InputPath": "$.detail['instance-id']"}, '"i-0123456789"'),
        ({"InputPath": "$.detail.nothing"}, "null"),
    ],
    ids=["all", "constant", "part", "element", "star", "quoted", "nothing"],
)
def test_a_target_gets_the_event_a_part_or_a_constant(target: dict[str, Any], text: str) -> None:
    assert target_input(target, SENT, RULE, AT) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('"instance <instance> is in <state>"', '"instance i-0123456789 is in RUNNING"'),
        ('{"instance": <instance>, "state": "<state>"}', '{"instance": "i-0123456789", "state": "RUNNING"}'),
        ('{"tags": <tags>}', '{"tags": [{"a":1},"say \\"hi\\""]}'),
        ('{"no": <no>, "text": "<no>"}', '{"no": "", "text": ""}'),
        ('{"rule": <aws.events.rule-name>, "at": <aws.events.event.ingestion-time>}', None),
        ('["<state>", <state>]', '["RUNNING", "RUNNING"]'),
        (
            '"<one> and <more>"\n"<object>, <yes>"',
            '"[HIGH] and [ACTIVE,INACTIVE]"\n"{acc_id:0a787ecb-4015,sf_id:baz}, true"',
        ),
        ('"<tags>"', '"[{a:1},say hi]"'),
        ('{"escaped": "\\"<state>\\""}', '{"escaped": "\\"RUNNING\\""}'),
    ],
    ids=["text", "object", "json", "missing", "predefined", "list", "lines", "marks", "escaped"],
)
def test_a_template_is_filled_in(template: str, text: str | None) -> None:
    """[REC] ls-snap test_events_inputs.py for what stands in a text: lists and objects without quotation marks."""
    expected = '{"rule": "r", "at": "2026-11-27T09:05:00Z"}' if text is None else text

    assert transformed(template) == expected


@pytest.mark.parametrize("template", ['{"payload": "<object>"}', '{"single": "<one>"}', "<one> single list item"])
def test_what_is_no_json_any_more_is_not_sent(template: str) -> None:
    """[REC] ls-snap test_input_transformer_nested_keys_replacement_not_valid."""
    with pytest.raises(ValueError, match="gives no JSON, which EventBridge does not send"):
        transformed(template)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ({"InputPath": "$.detail"}, None),
        ({"InputTransformer": {"InputPathsMap": {"a": "$.b"}, "InputTemplate": '"<a> <aws.events.rule-name>"'}}, None),
        (
            {"InputTransformer": {"InputTemplate": '"with not defined key <notdefinedkey>"'}},
            "InputTemplate for target t contains invalid placeholder notdefinedkey.",
        ),
        (
            {"InputTransformer": {"InputTemplate": '"a"'}, "InputPath": "$.detail"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
        ),
    ],
    ids=["part", "variables", "no-variable", "two"],
)
def test_a_target_is_taken_or_refused(target: dict[str, Any], why: str | None) -> None:
    """[REC] ls-snap test_events_inputs.py (missing_keys, input_path_and_input_transformer)."""
    assert refused_target({"Id": "t", **target}) == why


def test_the_whole_event_can_be_a_value() -> None:
    found = json.loads(transformed('{"all": <aws.events.event.json>, "head": <aws.events.event>}'))

    assert found["all"] == SENT
    # [REC] ls-snap test_input_transformer_predefined_variables
    assert list(found["head"]) == ["id", "account", "detailType", "time", "source", "region", "resources", "version"]
    assert found["head"]["detailType"] == SENT["detail-type"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(value=JSON, text=st.text())
def test_whatever_a_value_is_the_result_is_json(value: Any, text: str) -> None:
    found = json.loads(filled('{"plain": <value>, "text": "so: <text>."}', {"value": value, "text": text}))

    assert found == {"plain": value, "text": f"so: {text}."}


@pytest.mark.parametrize(
    ("target", "key"),
    [
        pytest.param({}, "event-id", id="none is said"),
        pytest.param({"KinesisParameters": {"PartitionKeyPath": "$.detail.who"}}, "ann", id="a path"),
        pytest.param({"KinesisParameters": {"PartitionKeyPath": "$.detail.none"}}, "event-id", id="nowhere"),
        pytest.param({"KinesisParameters": {"PartitionKeyPath": "$.detail"}}, "event-id", id="no text"),
    ],
)
def test_what_goes_to_a_stream_has_a_partition_key(target: dict[str, Any], key: str) -> None:
    assert partition_key(target, {"id": "event-id", "detail": {"who": "ann"}}) == key


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"Source": "mine", "DetailType": "t", "Detail": "{}"}, None),
        ({"Source": "mine", "DetailType": "t"}, None),
        ({"Source": "aws.s3", "DetailType": "t", "Detail": "{}"}, "NotAuthorizedForSourceException"),
        ({"Source": "mine", "DetailType": "t", "Detail": "[]"}, "MalformedDetail"),
        ({"Source": "mine", "DetailType": "t", "Detail": "{"}, "MalformedDetail"),
    ],
)
def test_an_event_that_is_put_is_taken_or_refused(sent: dict[str, str], code: str | None) -> None:
    found = refused(sent)
    assert (None if found is None else found[0]) == code


@pytest.mark.parametrize(("spare", "are_more"), [(1, False), (0, True)])
def test_the_events_of_a_request_are_less_than_a_megabyte(spare: int, are_more: bool) -> None:
    detail = "x" * (1024 * 1024 - 2 * (4 + 2 + 4 + 14) - 1 - spare)
    one, other = ({"Source": "mine", "DetailType": "\u00fc", "Detail": text} for text in (detail, "y"))
    more = {"Resources": ["abcd"], "Time": 1}

    assert are_too_large([{**one, **more}, {**other, **more}]) is are_more

"""FilterCriteria, with the quirks that EventBridge patterns have on stream records."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.event_sources.streams.filters import InvalidFilterPatternError, compile_filters
from streamer.errors import TopologyError

EVENT = {
    "eventName": "INSERT",
    "dynamodb": {
        "ApproximateCreationDateTime": 1767268805.0,
        "Keys": {"id": {"S": "1"}},
        "NewImage": {
            "kind": {"S": "chat.room"},
            "count": {"N": "5"},
            "live": {"BOOL": True},
            "gone": {"NULL": True},
            "tags": {"SS": ["red", "blue"]},
            "list": {"L": [{"M": {"a": {"S": "1"}, "b": {"S": "1"}}}, {"M": {"a": {"S": "2"}, "b": {"S": "2"}}}]},
            "none": {"L": []},
        },
        "SizeBytes": 37,
    },
}


def image(**attributes: object) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": attributes}}


@pytest.mark.parametrize(
    ("pattern", "passes"),
    [
        pytest.param({"eventName": ["INSERT"]}, True, id="exact"),
        pytest.param({"eventName": ["insert"]}, False, id="case matters"),
        pytest.param({"eventName": ["MODIFY", "INSERT"]}, True, id="any value of the list"),
        pytest.param({"eventName": ["INSERT"], "dynamodb": {"SizeBytes": [38]}}, False, id="all fields"),
        pytest.param(image(kind={"S": ["chat.room"]}), True, id="with the type level"),
        pytest.param(image(kind=["chat.room"]), False, id="without the type level never"),
        pytest.param(image(kind={"S": [{"prefix": "chat"}]}), True, id="prefix"),
        pytest.param(image(kind={"S": [{"prefix": "Chat"}]}), False, id="prefix has case"),
        pytest.param(image(kind={"S": [{"prefix": {"equals-ignore-case": "CHAT"}}]}), True, id="prefix without case"),
        pytest.param(image(kind={"S": [{"suffix": "room"}]}), True, id="suffix"),
        pytest.param(image(kind={"S": [{"suffix": {"equals-ignore-case": "ROOM"}}]}), True, id="suffix without case"),
        pytest.param(image(kind={"S": [{"equals-ignore-case": "CHAT.ROOM"}]}), True, id="equals-ignore-case"),
        pytest.param(image(kind={"S": [{"prefix": {"equals-ignore-case": "room"}}]}), False, id="another prefix"),
        pytest.param(image(kind={"S": [{"suffix": "chat"}]}), False, id="another suffix"),
        pytest.param(image(kind={"S": [{"equals-ignore-case": "CHAT"}]}), False, id="another text, whatever its case"),
        pytest.param({"dynamodb": {"SizeBytes": [{"prefix": "3"}]}}, False, id="a number has no prefix"),
        pytest.param({"dynamodb": {"SizeBytes": [{"suffix": {"equals-ignore-case": "7"}}]}}, False, id="nor a suffix"),
        pytest.param({"dynamodb": {"SizeBytes": [{"equals-ignore-case": "37"}]}}, False, id="nor a case"),
        pytest.param(image(kind={"S": [{"anything-but": "chat.room"}]}), False, id="anything-but it"),
        pytest.param(image(kind={"S": [{"anything-but": ["a", "b"]}]}), True, id="anything-but others"),
        pytest.param(image(nope={"S": [{"anything-but": ["a"]}]}), False, id="anything-but needs the field"),
        pytest.param(image(count={"N": ["5"]}), True, id="a number attribute is a string"),
        pytest.param(image(count={"N": [5]}), False, id="and not a number"),
        pytest.param(image(count={"N": [{"numeric": ["=", 5]}]}), False, id="numeric never on N"),
        pytest.param(image(count={"N": [{"numeric": [">", 0]}]}), False, id="numeric range never on N"),
        pytest.param(image(count={"N": [{"anything-but": ["6"]}]}), True, id="anything-but on N"),
        pytest.param(image(count={"N": [{"prefix": "5"}]}), True, id="prefix on N"),
        pytest.param(
            {"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">", 1767268804]}]}}, True, id="time is numeric"
        ),
        pytest.param(
            {"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">=", 0, "<", 1767268805]}]}}, False, id="range"
        ),
        pytest.param({"dynamodb": {"SizeBytes": [37.0]}}, True, id="37 equals 37.0"),
        pytest.param({"dynamodb": {"SizeBytes": ["37"]}}, False, id="37 is not '37'"),
        pytest.param(image(live={"BOOL": [True]}), True, id="boolean"),
        pytest.param(image(live={"BOOL": [1]}), False, id="true is not 1"),
        pytest.param(image(live={"BOOL": ["true"]}), False, id="true is not 'true'"),
        pytest.param(image(gone={"NULL": [None]}), False, id="the value of NULL is true, not null"),
        pytest.param(image(kind={"S": [{"exists": True}]}), True, id="exists on a leaf"),
        pytest.param(image(kind=[{"exists": True}]), False, id="exists on a map is no match"),
        pytest.param(image(kind=[{"exists": False}]), True, id="exists false on a map lets it pass"),
        pytest.param(image(kind={"S": [{"exists": False}]}), False, id="exists false on a leaf"),
        pytest.param(image(nope={"S": [{"exists": False}]}), True, id="exists false on what is missing"),
        pytest.param({"dynamodb": {"OldImage": {"x": {"S": [{"exists": False}]}}}}, True, id="parents missing too"),
        pytest.param(image(tags={"SS": ["blue"]}), True, id="any element of a set"),
        pytest.param(image(tags={"SS": ["green"]}), False, id="no element of a set"),
        pytest.param(image(list={"L": {"M": {"a": {"S": ["1"]}, "b": {"S": ["1"]}}}}), True, id="one element has both"),
        pytest.param(image(list={"L": {"M": {"a": {"S": ["1"]}, "b": {"S": ["2"]}}}}), False, id="not two elements"),
        pytest.param(image(none={"L": {"S": [{"exists": True}]}}), False, id="an empty list has no leaf"),
        pytest.param({"$or": [{"eventName": ["REMOVE"]}, image(kind={"S": ["chat.room"]})]}, True, id="$or"),
        pytest.param({"$or": [{"eventName": ["REMOVE"]}, {"eventName": ["MODIFY"]}]}, False, id="$or with neither"),
        pytest.param(
            {"eventName": ["REMOVE"], "$or": [{"dynamodb": {"SizeBytes": [37]}}, {"awsRegion": ["x"]}]},
            False,
            id="$or and other fields",
        ),
        pytest.param({"awsRegion": [{"cidr": "10.0.0.0/8"}]}, False, id="no address"),
        pytest.param({"$or": [{"exists": False}]}, True, id="$or as a field name"),
        pytest.param({"$or": [{"exists": False}, {"prefix": "a"}]}, True, id="with several comparisons"),
        pytest.param({"$or": ["a", "b"]}, False, id="with values"),
        pytest.param({"$or": {"eventName": ["INSERT"]}}, False, id="with fields of its own"),
    ],
)
def test_a_pattern_lets_an_event_pass_or_not(pattern: Any, passes: bool) -> None:
    assert compile_filters([pattern]).matches(EVENT) is passes
    assert compile_filters([json.dumps(pattern)]).matches(EVENT) is passes


def test_an_event_passes_that_one_of_several_patterns_matches() -> None:
    filters = compile_filters([{"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}])

    assert filters.matches(EVENT)


@pytest.mark.parametrize(
    ("body", "pattern", "passes"),
    [
        pytest.param(
            "text", {"body": {"kind": [{"exists": False}]}}, False, id="text has no fields that could be missing"
        ),
        pytest.param("text", {"body": {"kind": [{"anything-but": "x"}]}}, False, id="nor others than wanted"),
        pytest.param("text", {"body": [{"anything-but": "x"}]}, True, id="text for text"),
        pytest.param({"a": 1}, {"body": {"kind": [{"exists": False}]}}, True, id="JSON for JSON"),
        pytest.param([{"a": 1}], {"body": {"a": [1]}}, True, id="a list of JSON"),
        pytest.param({"a": 1}, {"body": [{"exists": False}]}, False, id="JSON where text is wanted"),
        pytest.param("text", {"messageId": ["1"]}, True, id="a pattern that says nothing of the body"),
    ],
)
def test_what_was_sent_in_another_format_than_the_pattern_has_does_not_pass(
    body: Any, pattern: Any, passes: bool
) -> None:
    assert compile_filters([pattern], "body").matches({"messageId": "1", "body": body}) is passes


@pytest.mark.parametrize("content", ["data", "dynamodb"])
def test_of_streams_no_texts_are_asked_for(content: str) -> None:
    with pytest.raises(InvalidFilterPatternError, match=f"the pattern.{content} must be an object"):
        compile_filters([{content: ["text"]}], content)


@pytest.mark.parametrize("pattern", [{"a": {"b": ["x"]}}, {"a": ["x"]}])
def test_what_is_nested_deeper_than_can_be_followed_does_not_pass(pattern: Any) -> None:
    nested: Any = ["x"]
    for _ in range(100_000):
        nested = [nested]

    assert not compile_filters([pattern]).matches({"a": nested})


def test_without_patterns_every_record_passes() -> None:
    assert compile_filters([]).matches(EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("null", id="null"),
        pytest.param("simple string", id="not JSON"),
        pytest.param('"text"', id="a JSON string"),
        pytest.param("[]", id="a list"),
        pytest.param({}, id="nothing"),
        pytest.param({"eventSource": "aws:dynamodb"}, id="a bare value"),
        pytest.param({"eventSource": []}, id="an empty list"),
        pytest.param({"dynamodb": {}}, id="an empty object"),
        pytest.param({"a": [["b"]]}, id="a list in a list"),
        pytest.param({"a": [{"starts-with": "b"}]}, id="an unknown operator"),
        pytest.param({"a": [{"cidr": "10.0.0.1"}]}, id="an address alone"),
        pytest.param({"a": [{"wildcard": "b*"}]}, id="an operator of EventBridge only"),
        pytest.param({"a": [{"prefix": "b", "suffix": "c"}]}, id="two operators at once"),
        pytest.param({"a": [{"prefix": 1}]}, id="a prefix that is no string"),
        pytest.param({"a": [{"exists": "true"}]}, id="exists with a string"),
        pytest.param({"a": [{"numeric": [">"]}]}, id="numeric without a number"),
        pytest.param({"a": [{"numeric": [">", "0"]}]}, id="numeric with a string"),
        pytest.param({"a": [{"numeric": ["!=", 0]}]}, id="an unknown comparison"),
        pytest.param({"a": [{"numeric": [">", 5, "<", 0]}]}, id="an empty range"),
        pytest.param({"a": [{"numeric": ["<", 5, ">", 0]}]}, id="a range the wrong way round"),
        pytest.param({"a": [{"numeric": [">", 5, "<", 5]}]}, id="a range without a number in it"),
        pytest.param({"a": [{"numeric": ["=", 0, "<", 5]}]}, id="a range without a lower bound"),
        pytest.param({"a": [{"numeric": [">", 0, ">", 5]}]}, id="a range without an upper bound"),
        pytest.param({"a": [{"numeric": [">", 0, "<", "5"]}]}, id="a range to a string"),
        pytest.param({"a": [{"numeric": [">", 0, "!=", 5]}]}, id="a range with an unknown comparison"),
        pytest.param({"$or": [{"eventName": ["INSERT"]}]}, id="$or of one"),
        pytest.param({"$or": [{"eventName": ["INSERT"]}, {"exists": False}]}, id="$or of fields and comparisons"),
        pytest.param({"a": [{"anything-but": []}]}, id="anything-but nothing"),
        pytest.param({"a": [{"anything-but": ["a", 1]}]}, id="anything-but a mixture"),
        pytest.param({"a": ["x" * 4096]}, id="too long"),
        pytest.param('{"a":' * 600 + '["b"]' + "}" * 600, id="nested deeper than can be followed"),
    ],
)
def test_what_aws_refuses_is_refused_with_its_text(pattern: Any) -> None:
    with pytest.raises(InvalidFilterPatternError, match=r"^Invalid filter pattern definition\. .") as error:
        compile_filters([pattern])

    assert isinstance(error.value, TopologyError)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)
patterns = st.recursive(
    st.lists(
        st.one_of(
            st.text(max_size=3),
            st.integers(),
            st.builds(
                lambda name, operand: {name: operand},
                st.sampled_from(["prefix", "exists", "numeric", "anything-but", "nope"]),
                json_values,
            ),
        ),
        max_size=3,
    ),
    lambda inner: st.dictionaries(st.sampled_from(["$or", "dynamodb", "a"]), inner, max_size=2),
    max_leaves=5,
)


@given(pattern=patterns, event=st.dictionaries(st.sampled_from(["dynamodb", "a"]), json_values))
def test_any_pattern_is_refused_or_decides_on_any_event(pattern: Any, event: Any) -> None:
    try:
        filters = compile_filters([json.dumps(pattern)])
    except InvalidFilterPatternError:
        return

    assert filters.matches(event) in (True, False)


@pytest.mark.parametrize(
    ("address", "passes"), [("10.0.0.0", True), ("10.0.0.255", True), ("10.0.1.0", False), ("x", False), (10, False)]
)
def test_an_address_may_be_one_of_a_network(address: Any, passes: bool) -> None:
    compiled = compile_filters([{"body": {"from": [{"cidr": "10.0.0.0/24"}]}}])

    assert compiled.matches({"body": {"from": address}}) is passes

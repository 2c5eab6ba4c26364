"""IAM's wildcards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.iam.patterns import is_action, is_arn, is_like, is_resource

TEXT = st.text("ab:/*?.[\\\n", max_size=8)
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/chat"


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        pytest.param("chat", "chat", True, id="the same"),
        pytest.param("chat", "Chat", False, id="other casing"),
        pytest.param("chat", "c*", True, id="asterisk at the end"),
        pytest.param("chat", "*t", True, id="asterisk at the start"),
        pytest.param("chat", "c*a*t", True, id="two asterisks"),
        pytest.param("chat", "chat*", True, id="asterisk for nothing"),
        pytest.param("chat", "cha?", True, id="question mark"),
        pytest.param("chat", "chat?", False, id="question mark for nothing"),
        pytest.param("a.b", "a?b", True, id="a dot is a character"),
        pytest.param("axb", "a.b", False, id="and no wildcard"),
        pytest.param("a/b:c", "a*c", True, id="slashes and colons"),
        pytest.param("chats", "chat", False, id="longer"),
        pytest.param("", "", True, id="nothing"),
        pytest.param("", "*", True, id="an asterisk is content with nothing"),
        pytest.param("a.x.y", "*.x", False, id="the end counts"),
        pytest.param("a", "[a]", False, id="brackets are literal"),
    ],
)
def test_a_text_matches_a_pattern_with_wildcards(text: str, pattern: str, matches: bool) -> None:
    assert is_like(text, pattern) is matches


@given(TEXT)
def test_a_text_without_wildcards_is_like_itself_alone(text: str) -> None:
    plain = text.replace("*", "").replace("?", "")

    assert is_like(plain, plain)
    assert not is_like(f"{plain}x", plain)


@given(TEXT, TEXT, TEXT)
def test_an_asterisk_stands_for_whatever_is_between(start: str, middle: str, end: str) -> None:
    start, end = (part.replace("*", "").replace("?", "") for part in (start, end))

    assert is_like(start + middle + end, f"{start}*{end}")


def test_a_pattern_of_many_asterisks_takes_no_longer_than_any() -> None:
    assert not is_like("a" * 5000, "*a" * 50 + "b")


@given(TEXT, TEXT)
def test_matching_is_what_the_definition_says(text: str, pattern: str) -> None:
    assert is_like(text, pattern) is by_definition(text, pattern)


def by_definition(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return by_definition(text, pattern[1:]) or (bool(text) and by_definition(text[1:], pattern))
    return bool(text) and pattern[0] in ("?", text[0]) and by_definition(text[1:], pattern[1:])


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        pytest.param(TABLE, True, id="the same"),
        pytest.param("*", True, id="all"),
        pytest.param("arn:aws:dynamodb:*:123456789012:table/chat", True, id="any region"),
        pytest.param("arn:aws:dynamodb:*:table/chat", False, id="a wildcard is one segment"),
        pytest.param("arn:aws:dynamodb:*:*:*", True, id="all of them"),
        pytest.param(f"{TABLE}/*", False, id="what is below it"),
        pytest.param("arn:aws:dynamodb:eu-west-1:123456789012:table/CHAT", False, id="other casing"),
        pytest.param("arn:aws:dynamodb:eu-west-1:*:table/c*", True, id="tables that begin so"),
        pytest.param("table/chat", False, id="no ARN"),
        pytest.param("arn:*", False, id="a condition names all segments"),
    ],
)
def test_an_arn_matches_a_pattern_segment_by_segment(pattern: str, matches: bool) -> None:
    assert is_arn(TABLE, pattern) is matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        pytest.param("arn:aws:dynamodb:*", True, id="an asterisk at the end of an ARN reaches to its end"),
        pytest.param("arn:aws:dynamodb:*:table/chat", True, id="and at the end of a segment across others"),
        pytest.param("arn:aws:dynamodb:eu-*:table/chat", True, id="with what is before it"),
        pytest.param("arn:*", True, id="all ARNs"),
        pytest.param("arn:*:table/chat", True, id="across all of them"),
        pytest.param("arn:aws:dynamodb:*t-1:table/chat", False, id="not from within a segment"),
        pytest.param("arn:aws:d*t-1:123456789012:table/chat", False, id="nor from one into the next"),
        pytest.param("arn:aws:dynamodb", False, id="without an asterisk no segment is missing"),
        pytest.param("arn:aws:sqs:*", False, id="another service"),
        pytest.param("arn:aws:dynamodb:*:table/other", False, id="another table"),
        pytest.param("arn:aws:dynamodb:*:*:*:*", False, id="more segments than there are"),
        pytest.param("arn:aws:dynamodb:*:*:table/c?at", True, id="a question mark"),
        pytest.param(TABLE, True, id="the same"),
        pytest.param("*", True, id="all"),
        pytest.param("table/chat", False, id="no ARN"),
    ],
)
def test_a_resource_of_a_statement_matches_beyond_its_last_colon(pattern: str, matches: bool) -> None:
    assert is_resource(TABLE, pattern) is matches


def test_an_asterisk_of_the_last_segment_stands_for_one_that_is_there() -> None:
    assert not is_resource("arn:aws:sqs", "arn:aws:sqs:*")


@pytest.mark.parametrize("pattern", ["function:*", "function:*:live", "*:live", "function:say:live"])
def test_colons_of_a_resource_are_its_own(pattern: str) -> None:
    assert is_resource("arn:aws:lambda:eu-west-1:1:function:say:live", f"arn:aws:lambda:eu-west-1:1:{pattern}")


def reaches(parts: list[str], wanted: list[str], *, is_whole: bool) -> bool:
    """The definition: each segment is a part, or as many as an asterisk at its end wants, in every way there is."""
    first, *others = wanted
    is_open = first.endswith("*")
    if not others:
        return (is_whole or is_open or len(parts) == 1) and is_like(":".join(parts), first)
    most = len(parts) - len(others) if is_open else 1
    ends = (end for end in range(1, most + 1) if is_like(":".join(parts[:end]), first) and end < len(parts))
    return any(reaches(parts[end:], others, is_whole=is_whole) for end in ends)


@given(st.text("ab:", max_size=9), st.text("ab::**?", max_size=9))
def test_a_resource_is_what_the_definition_says(arn: str, pattern: str) -> None:
    wanted = pattern.split(":", 5)

    assert is_resource(arn, pattern) is (pattern == "*" or reaches(arn.split(":"), wanted, is_whole=len(wanted) == 6))


def test_a_key_of_many_colons_takes_no_longer_than_any() -> None:
    assert not is_resource(f"arn:aws:s3:::bucket/{':a' * 500}", "arn:aws:*:*:*:table/chat")


@given(TEXT)
def test_a_resource_without_wildcards_is_like_itself_alone(text: str) -> None:
    plain = f"arn:aws:s3:::{text.replace('*', '').replace('?', '')}"

    assert is_resource(plain, plain)
    assert not is_resource(f"{plain}x", plain)


def test_a_wildcard_of_the_last_segment_reaches_across_colons() -> None:
    assert is_arn("arn:aws:lambda:eu-west-1:1:function:say:live", "arn:aws:lambda:eu-west-1:1:function:*")


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("dynamodb:PutItem", True),
        ("DynamoDB:putitem", True),
        ("dynamodb:*Item", True),
        ("dynamodb:Put?tem", True),
        ("*", True),
        ("sqs:*", False),
    ],
)
def test_actions_match_in_any_casing(pattern: str, matches: bool) -> None:
    assert is_action("dynamodb:PutItem", pattern) is matches

"""What Lambda's management API cannot read."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.control_plane.lambda_api.bodies import refuse_types
from emulator.templates.control_plane.query import ApiError

FUNCTIONS = "/2015-03-31/functions"


@pytest.mark.parametrize(
    ("method", "path", "content", "why"),
    [
        ("POST", FUNCTIONS, {"Timeout": "3"}, "STRING_VALUE can not be converted to an Integer"),
        ("POST", f"{FUNCTIONS}/", {"Code": {"ZipFile": "ü"}}, "not valid base64"),
        ("POST", f"{FUNCTIONS}/f/aliases", {"RoutingConfig": "x"}, "Unexpected field type"),
        ("POST", "/2017-03-31/tags/arn%3Aaws", {"Tags": []}, "Start of list found where not expected"),
        (
            "PUT",
            "/2019-09-25/functions/f/event-invoke-config",
            {"MaximumRetryAttempts": {}},
            "Start of structure or map",
        ),
    ],
)
def test_a_member_of_another_type_is_refused(method: str, path: str, content: dict[str, Any], why: str) -> None:
    with pytest.raises(ApiError, match=why) as refused:
        refuse_types(method, path, content)

    assert (refused.value.code, refused.value.status) == ("SerializationException", 400)


def test_what_is_missing_is_for_the_rules_of_the_operation() -> None:
    given: dict[str, Any] = {"Timeout": None, "Handler": "a.b"}
    refuse_types("POST", FUNCTIONS, given)
    refuse_types("POST", "/2015-03-31/nothing", {"Timeout": "3"})

    assert given == {"Handler": "a.b"}

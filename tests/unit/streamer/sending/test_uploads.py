"""What may be uploaded, by whom, and where it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer import ActionError, App, ErrorCode, Principal, Request
from streamer.errors import ConfigurationError
from streamer.sending.uploads import LARGEST_BYTES, Rules, object_key

NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=256)
REQUEST = Request(id="r", action="import", payload=None, principal=Principal("ada", "acme"), connection_id="c")
REFERENCE = "01a21cbd-1fae-7cdf-9916-7adcc8c8c426"


@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_nobody_has_the_place_of_somebody_else(one: tuple[str, str], other: tuple[str, str]) -> None:
    keys = [object_key(Principal(user, tenant), REFERENCE) for tenant, user in (one, other)]

    assert (keys[0] == keys[1]) is (one == other)
    for key in keys:
        assert len(key.encode()) <= 1024
        assert key.isascii()
        assert len(key.split("/")) == 3
        assert not {"", ".", ".."} & {*key.split("/")}


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("acme", "acme"),
        ("ada@example.com", "ada.40example.2Ecom"),
        ("..", ".2E.2E"),
        ("a/b", "a.2Fb"),
        ("ü", ".C3.BC"),
        ("..5f", ".2E.2E5f"),
    ],
)
def test_a_place_can_be_read(name: str, segment: str) -> None:
    assert object_key(Principal("ada", name), REFERENCE) == f"{segment}/ada/{REFERENCE}"


RULES = Rules(largest_bytes=1000, content_types=("text/csv", "image/*"))


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"bytes": 1000, "content_type": "text/csv"}, (1000, "text/csv")),
        ({"bytes": 0, "content_type": "image/png"}, (0, "image/png")),
        ({"bytes": 5, "content_type": "Text/CSV; charset=utf-8"}, (5, "Text/CSV; charset=utf-8")),
    ],
    ids=str,
)
def test_what_the_rules_allow_may_be_uploaded(payload: Any, found: tuple[int, str]) -> None:
    assert RULES.checked(payload) == found


def test_without_a_list_of_types_any_will_do() -> None:
    assert Rules(largest_bytes=9, content_types=()).checked({"bytes": 9}) == (9, "application/octet-stream")


@pytest.mark.parametrize(
    ("payload", "code", "words"),
    [
        (None, "VALIDATION_ERROR", 'the number of "bytes"'),
        ({"bytes": True, "content_type": "text/csv"}, "VALIDATION_ERROR", 'the number of "bytes"'),
        ({"bytes": -1, "content_type": "text/csv"}, "VALIDATION_ERROR", 'the number of "bytes"'),
        ({"bytes": 1, "content_type": "csv"}, "VALIDATION_ERROR", "is written as text/csv"),
        ({"bytes": 1, "content_type": "text/csv\r\nx-amz-acl: public-read"}, "VALIDATION_ERROR", "is written as"),
        ({"bytes": 1, "content_type": 7}, "VALIDATION_ERROR", "is written as text/csv"),
        ({"bytes": 1, "content_type": "text/html"}, "VALIDATION_ERROR", "text/html are not taken; text/csv, image/*"),
        ({"bytes": 1}, "VALIDATION_ERROR", "application/octet-stream are not taken"),
        ({"bytes": 1001, "content_type": "text/csv"}, "PAYLOAD_TOO_LARGE", "has 1001 bytes; at most 1000"),
    ],
    ids=str,
)
def test_what_may_not_be_uploaded_is_refused_in_words(payload: Any, code: str, words: str) -> None:
    with pytest.raises(ActionError) as refused:
        RULES.checked(payload)

    assert refused.value.code == code
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"largest_bytes": 0}, "largest_bytes must be 1 to"),
        ({"largest_bytes": LARGEST_BYTES + 1}, "largest_bytes must be 1 to"),
        ({"content_types": "text/csv"}, "not one string"),
        ({"content_types": ["csv"]}, "write it as text/csv"),
        ({"page_origins": "https://a.example.com"}, "not one string"),
        ({"link_seconds": 0}, "link_seconds must be 1 to"),
        ({"link_seconds": 700_000}, "link_seconds must be 1 to"),
        ({"action": "ping"}, "built-in"),
    ],
    ids=str,
)
def test_uploads_that_cannot_be_are_refused_in_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        App().uploads(**options)


def test_an_app_may_have_several_kinds_of_uploads_each_with_its_bucket() -> None:
    app = App()
    app.uploads()
    with pytest.raises(ConfigurationError, match="name another with bucket="):
        app.uploads("upload-picture")
    app.uploads("upload-picture", bucket="pictures", permissions=["pictures"], content_types=["image/*"])

    topology = app.topology(target="app:app", environment={})
    assert [bucket.name for bucket in topology.buckets] == ["uploads", "pictures"]
    allowed = {each.name: each.buckets for each in topology.functions}
    both = ("uploads", "pictures")
    assert allowed == {"connect": (), "disconnect": (), "router": both, "processor": both}
    assert app.actions["upload-picture"].permissions == {"pictures"}


def test_without_a_bucket_it_says_where_there_would_be_one() -> None:
    uploads = App().uploads()

    with pytest.raises(ConfigurationError, match="UPLOADS_BUCKET is not set; uploads need the emulator"):
        uploads.read(REQUEST, REFERENCE)


@pytest.mark.parametrize("reference", [None, "", "../../other/user/x", REFERENCE.upper(), f"{REFERENCE}/x"], ids=str)
def test_what_is_no_reference_reaches_no_bucket(reference: Any) -> None:
    with pytest.raises(ActionError) as refused:
        App().uploads().read(REQUEST, reference)

    assert refused.value.code == ErrorCode.VALIDATION_ERROR

"""Deleting several objects of S3 at once, of which some may not be deleted."""

from __future__ import annotations

import pytest

from emulator.port.http import HttpRequest, HttpResponse
from emulator.services.s3.deletions import Deletion, deletions, is_deletion, with_refusals, without
from emulator.services.s3.needs import of_deletion
from streamer.topology.grants import Place, arn

BODY = (
    b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a &amp; b</Key></Object>'
    b"<Object>\n<Key>old/c</Key><VersionId>v1</VersionId></Object><Object><Key>d</Key></Object><Quiet>true</Quiet></Delete>"
)


def asking(method: str = "POST", target: str = "/made?delete", body: bytes = BODY) -> HttpRequest:
    headers = (("Content-MD5", "x"), ("x-amz-checksum-crc32", "y"), ("Content-Length", "9"), ("Authorization", "me"))
    return HttpRequest(method, target, headers, body, "127.0.0.1", {name.lower(): value for name, value in headers})


@pytest.mark.parametrize(
    ("request_", "is_one"),
    [
        (asking(), True),
        (asking(target="/made?x-id=DeleteObjects&delete="), True),
        (asking(target="/made"), False),
        (asking(target="/made/delete?uploads"), False),
        (asking("DELETE"), False),
    ],
)
def test_a_list_of_objects_to_delete_is_known(request_: HttpRequest, is_one: bool) -> None:
    assert is_deletion(request_) is is_one


def test_each_object_needs_a_right_of_its_own() -> None:
    asked = deletions(BODY)

    assert asked == [Deletion("a & b", ""), Deletion("old/c", "v1"), Deletion("d", "")]
    needs = [of_deletion("https://s3.x/made?delete", each) for each in asked]
    place = Place.of("eu-west-1", "123456789012")
    assert [(each.action, arn(each.resource, place)) for each in needs] == [
        ("s3:DeleteObject", "arn:aws:s3:::made/a & b"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::made/old/c"),
        ("s3:DeleteObject", "arn:aws:s3:::made/d"),
    ]


def test_what_is_refused_is_not_asked_for_and_the_checksums_of_all_go() -> None:
    kept = without(asking(), {0, 2})

    assert deletions(kept.body) == [Deletion("old/c", "v1")]
    assert b"<Quiet>true</Quiet>" in kept.body
    assert kept.headers == (("Authorization", "me"),)
    assert kept.fields == {"authorization": "me"}


def test_the_answer_tells_what_was_deleted_and_what_was_refused() -> None:
    answer = HttpResponse(200, b"<DeleteResult><Deleted/></DeleteResult>\n", (("Content-Length", "40"), ("x", "y")))

    found = with_refusals(answer, [(Deletion("a & b", "v1"), "no <right>")])

    assert found.body == (
        b"<DeleteResult><Deleted/><Error><Key>a &amp; b</Key><VersionId>v1</VersionId><Code>AccessDenied</Code>"
        b"<Message>no &lt;right&gt;</Message></Error></DeleteResult>\n"
    )
    assert found.headers == (("x", "y"),)


def test_where_all_are_refused_the_answer_is_an_answer_nevertheless() -> None:
    found = with_refusals(None, [(Deletion("a", ""), "no")])

    assert found.status == 200
    assert found.body.endswith(
        b"<Error><Key>a</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
    )


def test_what_s3_refuses_stays_refused() -> None:
    refused = HttpResponse(404, b"<Error><Code>NoSuchBucket</Code></Error>")

    assert with_refusals(refused, [(Deletion("a", ""), "no")]) is refused

"""What services keep secret is told to nobody: not on the page, and not in a recording."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from console_records import World

from emulator.console.exporting.recording_file import document, ring_of
from emulator.console.reading.book import Book
from emulator.console.reading.telling import Teller
from emulator.console.recording.masking import HIDDEN
from emulator.port.http import HttpRequest, HttpResponse

SECRET = "hunter2"


def called(service: str, body: bytes, answer: bytes, *headers: tuple[str, str]) -> World:
    world = World()
    scope = f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261129/eu-west-1/{service}/aws4_request, Signature=0"
    fields = {"authorization": scope, "x-amz-target": "service.Operation"}
    request = HttpRequest("POST", "/", tuple(fields.items()), body, "127.0.0.1", fields)
    world.recorder.call(request, HttpResponse(200, answer, headers), None, world.now_ns)
    return world


def whole(world: World) -> dict[str, Any]:
    (record,) = world.ring
    return Teller(Book.of(world.ring).who, cut=None).tell(record)


@pytest.mark.parametrize(
    ("service", "body", "answer"),
    [
        ("secretsmanager", {"Name": "db", "SecretString": SECRET}, {"ARN": "a"}),
        ("secretsmanager", {"SecretId": "db"}, {"SecretString": json.dumps({"user": SECRET})}),
        ("secretsmanager", {}, {"SecretValues": [{"SecretBinary": SECRET}]}),
        ("ssm", {"Name": "/a", "Value": SECRET, "Type": "SecureString"}, {"Version": 1}),
        ("ssm", {"Name": "/a"}, {"Parameters": [{"Name": "/a", "Type": "SecureString", "Value": SECRET}]}),
        ("kms", {"KeyId": "k", "Plaintext": SECRET}, {"CiphertextBlob": "c"}),
        ("kms", {"CiphertextBlob": "c"}, {"Plaintext": SECRET}),
    ],
)
def test_a_secret_is_not_told_and_the_rest_is(service: str, body: Any, answer: Any) -> None:
    world = called(service, json.dumps(body).encode(), json.dumps(answer).encode())

    told = whole(world)

    assert SECRET not in json.dumps(told) + json.dumps(document(world.ring, boot="b", at_ms=1.0))
    assert told["service"] == service
    assert told["text"].keys() == body.keys()
    assert told["answer"].keys() == answer.keys()


def test_a_parameter_that_is_no_secret_is_told() -> None:
    answer = {"Parameter": {"Name": "/a", "Type": "String", "Value": "blue"}}

    assert whole(called("ssm", b'{"Name": "/a"}', json.dumps(answer).encode()))["answer"] == answer


@pytest.mark.parametrize(
    ("service", "body", "answer"),
    [
        ("sts", b"Action=GetSessionToken", f"<Credentials><SecretAccessKey>{SECRET}</SecretAccessKey>".encode()),
        ("sts", b"Action=AssumeRole", f"<SessionToken>{SECRET}</SessionToken>".encode()),
        ("cloudformation", f"Action=CreateStack&Parameters.member.1.ParameterValue={SECRET}&A=1".encode(), b""),
        ("secretsmanager", b"{}", f'{{"SecretString": "{SECRET}", "Cut'.encode()),
        ("dynamodb", b'{"Item": {"password": {"S": "hunter2"}}}', b"{}"),
    ],
    ids=["a key", "a token", "a parameter of a template", "cut", "an attribute"],
)
def test_nor_where_it_stands_in_a_form_in_xml_or_in_what_was_cut(service: str, body: bytes, answer: bytes) -> None:
    world = called(service, body, answer)

    assert SECRET not in json.dumps(whole(world)) + json.dumps(document(world.ring, boot="b", at_ms=1.0))


def test_a_recording_has_answers_as_they_were_before_they_were_compressed() -> None:
    answer = gzip.compress(json.dumps({"Item": {"password": {"S": SECRET}, "name": {"S": "ada"}}}).encode())
    world = called("dynamodb", b"{}", answer, ("Content-Encoding", "gzip"))

    written = document(world.ring, boot="b", at_ms=1.0)
    (again,) = ring_of(json.loads(json.dumps(written)))

    assert Teller(Book.of(world.ring).who, cut=None).tell(again)["answer"] == {
        "Item": {"password": HIDDEN, "name": {"S": "ada"}}
    }
    assert written["records"][0]["answer"] == {"$bytes": f'{{"Item":{{"password":"{HIDDEN}","name":{{"S":"ada"}}}}}}'}


def test_a_recording_that_is_read_still_knows_what_was_called() -> None:
    world = called("sns", b"Action=Publish&TopicArn=arn:aws:sns:eu-west-1:1:orders", b"")

    (again,) = ring_of(json.loads(json.dumps(document(world.ring, boot="b", at_ms=1.0))))

    told = Teller(Book.of(world.ring).who, cut=None).tell(again)
    assert (told["service"], told["operation"], told["target"]) == ("sns", "Operation", "orders")

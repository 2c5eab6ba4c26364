"""End-to-end tests: real WebSockets, the App's table and queue, and the bucket of ``resources.yaml``."""

import boto3
import pytest

from streamer.client import RequestFailedError

TEA = {"number": "2026-1", "lines": [{"text": "Tea", "cents": 250}, {"text": "Cake", "cents": 420}]}


def test_an_invoice_is_written_kept_and_mailed(streamer):
    with streamer.connect("ada", "acme") as client:
        written = client.request("invoice", TEA)
        found = client.request("find", "2026-1")

    assert written == {"document": "acme/2026-1.txt", "cents": 670, "with_fonts": False, "memory_mb": 2048}
    assert found["cents"] == 670
    assert found["text"].splitlines()[0] == "INVOICE"
    sqs = boto3.client("sqs", **streamer.aws("sqs"))
    url = sqs.get_queue_url(QueueName="mails")["QueueUrl"]
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["acme/2026-1.txt"]


def test_it_begins_with_the_letterhead_of_the_bucket(streamer):
    s3 = boto3.client("s3", **streamer.aws("s3"))
    (bucket,) = s3.list_buckets()["Buckets"]
    s3.put_object(Bucket=bucket["Name"], Key="letterhead.txt", Body=b"ACME, since 1949")
    with streamer.connect("ada", "acme") as client:
        client.request("invoice", TEA)

        assert client.request("find", "2026-1")["text"].splitlines()[0] == "ACME, since 1949"


def test_other_tenants_do_not_find_it(streamer):
    with streamer.connect("ada", "acme") as client:
        client.request("invoice", TEA)
    with streamer.connect("ada", "umbrella") as client, pytest.raises(RequestFailedError) as failed:
        client.request("find", "2026-1")

    assert failed.value.code == "NOT_FOUND"


def test_nor_does_a_slash_lead_to_their_documents(streamer):
    with streamer.connect("ada", "acme") as client:
        ours = client.request("invoice", TEA | {"number": "eu/1"})
    with streamer.connect("ada", "acme/eu") as client:
        theirs = client.request("invoice", {"number": "1", "lines": []})
    with streamer.connect("ada", "acme") as client:
        assert client.request("find", "eu/1")["cents"] == 670

    assert ours["document"] != theirs["document"]

"""S3 asked by an unmodified boto3, and what its buckets tell functions and queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import services_world
from services_world import World, function_arn, queue_arn

HERE = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with services_world.running(tmp_path_factory.mktemp("s3")) as emulator:
        yield World(emulator)


def rules(**values: str) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in values.items()]}}


def bucket(world: World, name: str, **configuration: Any) -> Any:
    s3 = world.client("s3")
    s3.create_bucket(Bucket=name, **HERE)
    if configuration:
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    return s3


def test_an_object_comes_back_as_it_was_put(world: World) -> None:
    s3 = bucket(world, "kept")
    content = bytes(range(256)) * 1000
    s3.put_object(Bucket="kept", Key="a/b c+d ü.bin", Body=content, Metadata={"by": "test"}, ContentType="image/png")

    found = s3.get_object(Bucket="kept", Key="a/b c+d ü.bin")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (content, {"by": "test"}, "image/png")
    assert s3.head_object(Bucket="kept", Key="a/b c+d ü.bin")["ContentLength"] == len(content)
    part = s3.get_object(Bucket="kept", Key="a/b c+d ü.bin", Range="bytes=1-3")
    assert (part["Body"].read(), part["ResponseMetadata"]["HTTPStatusCode"]) == (b"\x01\x02\x03", 206)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="kept")["Contents"]] == ["a/b c+d ü.bin"]


def test_a_function_is_told_of_the_objects_that_it_wants(world: World) -> None:
    wanted = {
        "Id": "uploads",
        "LambdaFunctionArn": function_arn("writer"),
        "Events": ["s3:ObjectCreated:*"],
        "Filter": rules(prefix="in/", suffix=".jpg"),
    }
    s3 = bucket(world, "told", LambdaFunctionConfigurations=[wanted])
    s3.put_object(Bucket="told", Key="out/a.jpg", Body=b"1")
    s3.put_object(Bucket="told", Key="in/a.png", Body=b"1")
    made = s3.put_object(Bucket="told", Key="in/red flower.jpg", Body=b"12345")

    (event,) = world.events()
    record = event["Records"][0]
    assert (record["eventName"], record["awsRegion"]) == ("ObjectCreated:Put", "eu-west-1")
    assert record["s3"]["configurationId"] == "uploads"
    assert record["s3"]["bucket"]["name"] == "told"
    about = record["s3"]["object"]
    assert about.pop("sequencer")
    assert about == {"key": "in/red+flower.jpg", "size": 5, "eTag": made["ETag"].strip('"')}


def test_a_queue_is_told_that_it_was_named_and_of_what_is_removed(world: World) -> None:
    wanted = {"QueueArn": queue_arn("inbox"), "Events": ["s3:ObjectRemoved:*"]}
    s3 = bucket(world, "removed", QueueConfigurations=[wanted])
    assert json.loads(world.message()["Body"])["Event"] == "s3:TestEvent"
    s3.put_object(Bucket="removed", Key="a", Body=b"1")
    s3.delete_object(Bucket="removed", Key="a")

    (record,) = json.loads(world.message()["Body"])["Records"]
    assert record["eventName"] == "ObjectRemoved:Delete"
    assert record["s3"]["object"].keys() == {"key", "sequencer"}


def test_versions_copies_and_parts_are_told_as_what_they_are(world: World) -> None:
    wanted = {"LambdaFunctionArn": function_arn("writer"), "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    s3 = bucket(world, "several", LambdaFunctionConfigurations=[wanted])
    s3.put_bucket_versioning(Bucket="several", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="several", Key="a", Body=b"1")["VersionId"]
    s3.copy_object(Bucket="several", Key="b", CopySource={"Bucket": "several", "Key": "a"})
    upload = s3.create_multipart_upload(Bucket="several", Key="c")["UploadId"]
    part = s3.upload_part(Bucket="several", Key="c", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(
        Bucket="several",
        Key="c",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    s3.delete_object(Bucket="several", Key="a")

    found = {each["Records"][0]["eventName"]: each["Records"][0]["s3"]["object"] for each in world.events(4)}
    assert sorted(found) == [
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectCreated:Copy",
        "ObjectCreated:Put",
        "ObjectRemoved:DeleteMarkerCreated",
    ]
    assert found["ObjectCreated:Put"]["versionId"] == version
    assert found["ObjectRemoved:DeleteMarkerCreated"]["versionId"] not in (version, None)

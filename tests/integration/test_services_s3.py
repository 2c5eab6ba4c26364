"""S3 asked by an unmodified boto3, and what its buckets tell functions and queues."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import services_world
from botocore.config import Config
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


def test_a_configuration_that_tells_two_of_the_same_is_refused(world: World) -> None:
    s3 = bucket(world, "ambiguous")
    entries = [
        {"QueueArn": queue_arn("inbox"), "Events": ["s3:ObjectCreated:*"], "Filter": rules(prefix="in/")},
        {"QueueArn": queue_arn("inbox"), "Events": ["s3:ObjectCreated:Put"], "Filter": rules(prefix="in/deep/")},
    ]
    with pytest.raises(s3.exceptions.ClientError, match="Configuration is ambiguously defined"):
        s3.put_bucket_notification_configuration(
            Bucket="ambiguous", NotificationConfiguration={"QueueConfigurations": entries}
        )
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="ambiguous")


def test_a_part_of_an_upload_that_was_given_up_is_refused(world: World) -> None:
    s3 = bucket(world, "given-up")
    named = {"Bucket": "given-up", "Key": "k"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    s3.abort_multipart_upload(**named)

    with pytest.raises(s3.exceptions.ClientError, match="NoSuchUpload"):
        s3.upload_part(**named, PartNumber=1, Body=b"x")
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchUpload"):
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"ETag": "x", "PartNumber": 1}]})


def test_what_s3_refuses_of_arguments_is_refused_and_nothing_fails_later_for_it(world: World) -> None:
    s3 = bucket(world, "arguments")
    with pytest.raises(s3.exceptions.ClientError, match=r"MalformedPolicy.*first byte must be '{'"):
        s3.put_bucket_policy(Bucket="arguments", Policy="policy.json")
    with pytest.raises(s3.exceptions.ClientError, match=r"InvalidArgument.*continuation token provided is incorrect"):
        s3.list_objects_v2(Bucket="arguments", ContinuationToken="x")
    with pytest.raises(s3.exceptions.ClientError, match=r"InvalidArgument.*Argument maxKeys must be an integer"):
        s3.list_objects(Bucket="arguments", MaxKeys=-1)
    with pytest.raises(s3.exceptions.ClientError, match="InvalidBucketName"):
        s3.create_bucket(Bucket="Arg.Uments", **HERE)
    with pytest.raises(s3.exceptions.ClientError, match="MalformedXML"):
        s3.put_bucket_ownership_controls(Bucket="arguments", OwnershipControls={"Rules": []})
    named = {"Bucket": "arguments", "Key": "k"}
    s3.put_object(**named, Tagging="a=b")
    s3.put_object_tagging(**named, Tagging={"TagSet": []})
    assert s3.get_object_tagging(**named)["TagSet"] == []
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    parts = [{"PartNumber": at, "ETag": s3.upload_part(**named, PartNumber=at, Body=b"x")["ETag"]} for at in (2, 1)]
    with pytest.raises(s3.exceptions.ClientError, match=r"InvalidPartOrder.*not in ascending order"):
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})


def test_a_configuration_is_told_as_s3_tells_it(world: World) -> None:
    # [REC] ls-snap test_filter_rules_case_insensitive, test_filter_rules_empty_value
    wanted = {"QueueArn": queue_arn("inbox"), "Events": ["s3:ObjectRestore:*"]}
    s3 = bucket(world, "bus", EventBridgeConfiguration={})
    assert s3.get_bucket_notification_configuration(Bucket="bus")["EventBridgeConfiguration"] == {}
    s3 = bucket(
        world,
        "capitals",
        EventBridgeConfiguration={},
        QueueConfigurations=[{**wanted, "Filter": rules(PREFIX="in/", suffix="")}],
    )
    world.message()

    told = s3.get_bucket_notification_configuration(Bucket="capitals")
    assert told["EventBridgeConfiguration"] == {}
    (found,) = told["QueueConfigurations"]
    assert found["Filter"]["Key"]["FilterRules"] == [
        {"Name": "Prefix", "Value": "in/"},
        {"Name": "Suffix", "Value": ""},
    ]
    with pytest.raises(s3.exceptions.ClientError, match="filter rule name must be either prefix or suffix"):
        bucket(world, "infix", QueueConfigurations=[{**wanted, "Filter": rules(infix="in/")}])


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


def test_a_body_that_is_not_the_one_that_was_told_of_is_not_kept(world: World) -> None:
    s3 = bucket(world, "digests")
    s3.put_object(Bucket="digests", Key="a", Body=b"old", ContentMD5="FJYD5sA1FjYqjaI/Yk25RQ==")
    for told in ({"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"ChecksumSHA256": "A" * 43 + "="}):
        with pytest.raises(s3.exceptions.ClientError, match="BadDigest"):
            s3.put_object(Bucket="digests", Key="a", Body=b"new", **told)

    assert s3.get_object(Bucket="digests", Key="a")["Body"].read() == b"old"


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


def test_each_version_that_is_removed_is_told_and_tags_where_they_are_asked_for(world: World) -> None:
    wanted = {"LambdaFunctionArn": function_arn("writer"), "Events": ["s3:ObjectRemoved:*", "s3:ObjectTagging:*"]}
    s3 = bucket(world, "versions", LambdaFunctionConfigurations=[wanted])
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    old, new = (s3.put_object(Bucket="versions", Key="a", Body=b"1", Tagging="a=b")["VersionId"] for _ in range(2))
    s3.put_object_tagging(Bucket="versions", Key="a", Tagging={"TagSet": [{"Key": "a", "Value": "c"}]})
    s3.delete_object(Bucket="versions", Key="a", VersionId=old)
    marker = s3.delete_object(Bucket="versions", Key="a")["VersionId"]
    s3.delete_object(Bucket="versions", Key="a", VersionId=marker)
    s3.delete_objects(Bucket="versions", Delete={"Objects": [{"Key": "a", "VersionId": new}]})

    found = [each["Records"][0] for each in world.events(5)]
    told = sorted((each["eventName"], each["s3"]["object"]["versionId"]) for each in found)
    assert told == sorted(
        [
            ("ObjectTagging:Put", new),
            ("ObjectRemoved:DeleteMarkerCreated", marker),
            *(("ObjectRemoved:Delete", each) for each in (old, marker, new)),
        ]
    )


PAGE = "http://localhost:3000"
ELSEWHERE = "https://elsewhere.example"


def test_versions_are_kept_where_no_more_of_them_are(world: World) -> None:
    s3 = bucket(world, "suspended")

    def versions(status: str) -> None:
        s3.put_bucket_versioning(Bucket="suspended", VersioningConfiguration={"Status": status})

    def listed() -> list[tuple[str, bool]]:
        found = s3.list_object_versions(Bucket="suspended", Prefix="k")
        return [(each["VersionId"], each["IsLatest"]) for each in found.get("Versions", [])]

    s3.put_object(Bucket="suspended", Key="k", Body=b"0")
    assert s3.head_object(Bucket="suspended", Key="k", VersionId="null")["ContentLength"] == 1
    versions("Enabled")
    first = s3.put_object(Bucket="suspended", Key="k", Body=b"1")["VersionId"]
    versions("Suspended")
    with pytest.raises(s3.exceptions.ClientError, match="InvalidStorageClass"):
        s3.put_object(Bucket="suspended", Key="k", Body=b"x", StorageClass="NONE")
    assert s3.get_object(Bucket="suspended", Key="k")["Body"].read() == b"1"
    assert s3.head_object(Bucket="suspended", Key="k", VersionId=first)["VersionId"] == first
    for body in (b"2", b"3"):
        s3.put_object(Bucket="suspended", Key="k", Body=body)
    assert listed() == [("null", True), (first, False)]

    s3.delete_object(Bucket="suspended", Key="k")
    (marker,) = s3.list_object_versions(Bucket="suspended")["DeleteMarkers"]
    assert (listed(), marker["VersionId"], marker["IsLatest"]) == ([(first, False)], "null", True)
    s3.delete_object(Bucket="suspended", Key="k", VersionId="null")
    assert s3.get_object(Bucket="suspended", Key="k")["Body"].read() == b"1"
    s3.delete_object(Bucket="suspended", Key="k", VersionId=first)
    s3.delete_bucket(Bucket="suspended")


def fetch(
    url: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes, Mapping[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, named, method=method)) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}


@pytest.mark.parametrize("version", [None, "s3v4"], ids=["as boto3 signs links", "version 4"])
def test_a_link_works_for_whoever_has_it_until_it_expires(world: World, version: str | None) -> None:
    s3 = world.client("s3") if version is None else world.client("s3", config=Config(signature_version=version))
    name = f"linked-{version or 'default'}"
    s3.create_bucket(Bucket=name, **HERE)
    parameters = {"Bucket": name, "Key": "a b.txt"}
    put = s3.generate_presigned_url("put_object", Params=parameters)
    get = s3.generate_presigned_url("get_object", Params={**parameters, "ResponseContentType": "text/plain"})
    old = s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=-1 if version is None else 0)

    assert fetch(put, "PUT", b"content", Content_Type="")[0] == 200
    status, content, headers = fetch(get)
    assert (status, content, headers["content-type"]) == (200, b"content", "text/plain")
    assert fetch(get.replace("a%20b.txt", "other"))[0] == 403
    assert b"SignatureDoesNotMatch" in fetch(get.replace("a%20b.txt", "other"))[1]
    if version is None:
        assert b"Request has expired" in fetch(old)[1]


def test_a_page_shows_pictures_by_links(world: World) -> None:
    s3 = bucket(world, "shown")
    s3.put_object(Bucket="shown", Key="a.png", Body=b"picture")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "shown", "Key": "a.png"})

    assert fetch(link, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[:2] == (200, b"picture")


def test_what_is_put_with_the_type_of_a_form_is_kept_as_it_is(world: World) -> None:
    s3 = world.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="typed", **HERE)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "typed", "Key": "a"})

    assert fetch(put, "PUT", b"a=1&b", Content_Type="application/x-www-form-urlencoded")[0] == 200
    assert s3.get_object(Bucket="typed", Key="a")["Body"].read() == b"a=1&b"


def test_a_page_uses_links_as_far_as_the_buckets_rules_and_their_signer_let_it(world: World) -> None:
    s3 = world.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="paged", **HERE)
    rule = {
        "AllowedMethods": ["PUT", "GET"],
        "AllowedOrigins": [PAGE],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
    }
    s3.put_bucket_cors(Bucket="paged", CORSConfiguration={"CORSRules": [rule]})
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "paged", "Key": "a"})

    status, _, headers = fetch(put, "OPTIONS", Origin=PAGE, Access_Control_Request_Method="PUT")
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    status, _, headers = fetch(put, "PUT", b"x", Origin=PAGE, Content_Type="")
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    # The owner's key is known to everybody, so that pages from elsewhere could sign with it.
    assert fetch(put, "PUT", b"x", Origin=ELSEWHERE)[0] == 403
    assert fetch(put.replace("X-Amz-Signature=", "X-Amz-Signature=0"), "PUT", b"x", Origin=PAGE)[0] == 403


def test_a_form_puts_an_object(world: World) -> None:
    s3 = bucket(world, "formed")
    signing = world.client("s3", config=Config(signature_version="s3v4"))
    form = signing.generate_presigned_post("formed", "in/${filename}")
    fields = {**form["fields"], "key": "in/a.txt"}
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    parts.append('--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ncontent\r\n--b--\r\n')
    body = "".join(parts).encode()

    status, _, _ = fetch(form["url"], "POST", body, Content_Type="multipart/form-data; boundary=b", Origin=PAGE)
    assert status in (200, 204)
    assert s3.get_object(Bucket="formed", Key="in/a.txt")["Body"].read() == b"content"
    wrong = body.replace(fields["x-amz-signature"].encode(), b"0" * 64)
    assert fetch(form["url"], "POST", wrong, Content_Type="multipart/form-data; boundary=b")[0] == 403


def test_bodies_in_signed_chunks_arrive_whole(world: World) -> None:
    s3 = bucket(world, "chunked")
    over_tls = world.client(
        "s3",
        endpoint_url=world.url.replace("http://", "https://"),
        verify=str(world.emulator.ca_file),
        config=Config(retries={"max_attempts": 0}),
    )
    content = bytes(range(256)) * 3000
    over_tls.put_object(Bucket="chunked", Key="a", Body=io.BytesIO(content))
    over_tls.upload_fileobj(io.BytesIO(content * 12), "chunked", "parts")

    assert s3.get_object(Bucket="chunked", Key="a")["Body"].read() == content
    assert s3.head_object(Bucket="chunked", Key="parts")["ContentLength"] == len(content) * 12
    assert over_tls.get_object(Bucket="chunked", Key="parts")["Body"].read() == content * 12


def test_a_policy_that_wants_tls_denies_nothing_here(world: World) -> None:
    s3 = bucket(world, "tls-only")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="tls-only", Policy=policy)
    s3.put_object(Bucket="tls-only", Key="a", Body=b"1")

    assert s3.get_object(Bucket="tls-only", Key="a")["Body"].read() == b"1"
    assert s3.get_bucket_policy(Bucket="tls-only")["Policy"] == policy

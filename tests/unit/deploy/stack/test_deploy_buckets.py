"""The bucket of an App with uploads, as the stack has it."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from streamer import App
from streamer.topology import Bucket

KEY = "arn:aws:kms:us-east-1:123456789012:key/0123"


def stack(**settings: Any) -> dict[str, Any]:
    app = App()
    app.uploads(page_origins=["https://app.example.com"], kept_days=2)
    topology = app.topology(target="app:app", table_prefix="chat-dev_", environment={})
    return template(topology, StackSettings(stack_name="chat-dev", **settings))


def test_the_bucket_is_private_and_empties_itself() -> None:
    resources = stack()["Resources"]

    bucket = resources["UploadsBucket"]
    assert (bucket["Type"], bucket["DeletionPolicy"]) == ("AWS::S3::Bucket", "RetainExceptOnCreate")
    properties = bucket["Properties"]
    assert "BucketName" not in properties
    assert all(properties["PublicAccessBlockConfiguration"].values())
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 2)
    (cors,) = properties["CorsConfiguration"]["CorsRules"]
    assert (cors["AllowedMethods"], cors["AllowedOrigins"]) == (["PUT"], ["https://app.example.com"])
    (refused,) = resources["UploadsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_what_is_in_a_bucket_of_the_apps_own_stays() -> None:
    app = App(buckets=[Bucket(name="documents", page_origins=())])
    topology = app.topology(target="app:app", table_prefix="chat-dev_", environment={})

    properties = template(topology, StackSettings(stack_name="chat-dev"))["Resources"]["DocumentsBucket"]["Properties"]

    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule
    assert "CorsConfiguration" not in properties


@pytest.mark.parametrize(("function", "has_it"), [("Router", True), ("Processor", True), ("Connect", False)])
def test_functions_that_run_actions_find_it_and_may_use_what_is_in_it(function: str, has_it: bool) -> None:
    resources = stack()["Resources"]

    variables = resources[f"{function}Function"]["Properties"]["Environment"]["Variables"]
    assert (variables.get("UPLOADS_BUCKET") == {"Ref": "UploadsBucket"}) is has_it
    [policy] = resources[f"{function}Role"]["Properties"]["Policies"]
    statements = {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}
    assert ({"Objects", "Buckets"} <= statements.keys()) is has_it
    if has_it:
        assert statements["Objects"]["Action"] == ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        assert statements["Objects"]["Resource"] == [{"Fn::Sub": "${UploadsBucket.Arn}/*"}]
        assert statements["Buckets"]["Resource"] == [{"Fn::GetAtt": ["UploadsBucket", "Arn"]}]


def test_a_key_of_the_organisation_encrypts_it() -> None:
    properties = stack(kms_key_arn=KEY)["Resources"]["UploadsBucket"]["Properties"]

    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}


def test_its_name_is_told() -> None:
    assert stack()["Outputs"]["UploadsBucketName"] == {"Value": {"Ref": "UploadsBucket"}}

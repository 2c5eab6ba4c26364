"""ARNs of what an emulator has, as the Region's partition has them."""

from __future__ import annotations

import pytest

from emulator.foundation.place import arn_of, bucket_arn, iam_arn
from streamer.topology.grants import Kind, Place, Resource, arn

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_what_is_there_and_what_roles_allow_have_the_same_arns(region: str, partition: str) -> None:
    table = arn_of("dynamodb", region, ACCOUNT, "table/rooms")

    assert table == f"arn:{partition}:dynamodb:{region}:{ACCOUNT}:table/rooms"
    assert arn(Resource(Kind.TABLE, "rooms"), Place.of(region, ACCOUNT)) == table
    assert arn(Resource(Kind.BUCKET, "files"), Place.of(region, ACCOUNT)) == bucket_arn(region, "files")
    assert iam_arn(region, ACCOUNT, "root") == f"arn:{partition}:iam::{ACCOUNT}:root"

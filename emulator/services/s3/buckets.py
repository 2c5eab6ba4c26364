"""The buckets of a topology, as operations that make them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streamer.topology import Bucket

from ..calls import Call


def calls(buckets: Iterable[Bucket], region: str) -> tuple[Call, ...]:
    """What makes buckets that web pages of their origins may put objects into."""
    return tuple(call for bucket in buckets for call in _of(bucket, region))


def location(region: str) -> dict[str, object]:
    """What ``CreateBucket`` is told of the Region: of us-east-1 nothing. [DOC] s3-api:CreateBucket"""
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _of(bucket: Bucket, region: str) -> Iterator[Call]:
    def call(operation: str, **parameters: object) -> Call:
        named = {"Bucket": bucket.name, **parameters}
        return Call(service="s3", operation=operation, parameters=named, resource=f"bucket {bucket.name}")

    yield call("create_bucket", **location(region))
    if bucket.page_origins:
        cors = {"AllowedMethods": ["PUT"], "AllowedOrigins": list(bucket.page_origins), "AllowedHeaders": ["*"]}
        yield call("put_bucket_cors", CORSConfiguration={"CORSRules": [cors]})
    if bucket.kept_days is None:
        return
    expires = {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": bucket.kept_days}}
    yield call("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [expires]})

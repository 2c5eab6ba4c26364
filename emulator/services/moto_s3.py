"""What S3 takes of notifications, policies and parts, and what it tells of them, where moto differs.

Imported in the process of the services only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import xmltodict
from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import MalformedXML, NoSuchUpload, S3ClientError
from moto.s3.models import FakeBucket, NotificationConfiguration, S3Backend
from moto.s3.responses import S3Response

from ..foundation.json_bytes import is_object
from .s3 import events as s3_events

_READS: Final = re.compile(r"_from_(body|xml)$")
"""How moto calls what reads a document."""
_NO_JSON: Final = "This policy contains invalid Json"
_NO_POLICY: Final = "Policies must be valid JSON and the first byte must be '{'"
_NO_ORDER: Final = "The list of parts was not in ascending order. Parts must be ordered by part number."
"""[USR] versitygw #1063, omrikiei/aws_logging_handlers #28"""
_SUSPENDED: Final = "Suspended"
_NULL: Final = "null"
"""The id of a version that was put while none were kept."""
_END: Final = "</NotificationConfiguration>"


def take_configurations() -> None:
    """Have configurations read, refused and told as S3 does, before anything of them counts."""
    set_configuration = FakeBucket.set_notification_configuration

    def set_checked(bucket: Any, given: Mapping[str, Any] | None) -> None:
        lists = {"topic": "Topic", "queue": "Queue", "cloud_function": "CloudFunction"}
        found = NotificationConfiguration(
            **{name: (given or {}).get(f"{told}Configuration") for name, told in lists.items()}
        )
        entries = [
            s3_events.told_of(each.arn, each.events, (each.filters or {}).get("S3Key", {}).get("FilterRule", ()))
            for each in (*found.topic, *found.queue, *found.cloud_function)
        ]
        if (why := s3_events.refused_configuration(entries)) is not None:
            raise S3ClientError("InvalidArgument", why)
        set_configuration(bucket, given)

    for name in filter(_READS.search, dir(S3Response)):
        setattr(S3Response, name, _read(getattr(S3Response, name)))
    S3Response._tagging_from_xml = _read(_tags)  # noqa: SLF001 - it fails at no tags
    FakeBucket.set_notification_configuration = set_checked
    S3Response._notification_config_from_body = _configuration  # noqa: SLF001 - it ends in assertions
    if hasattr(S3Response, "get_bucket_notification"):  # moto before 5.2 or so has none
        S3Response.get_bucket_notification = _told(S3Response.get_bucket_notification)


def take_policies() -> None:
    """Have policies be JSON and deny nothing.

    moto overlooks conditions, so that one that denies all but TLS would deny all; and fails at each object put into a
    bucket whose policy it cannot read. [USR] aws/aws-cli #2779, versitygw #1156: the words
    """
    permission, put_policy = FakeBucket.get_permission, S3Backend.put_bucket_policy

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        found = permission(bucket, action, resource)
        return PermissionResult.NEUTRAL if found is PermissionResult.DENIED else found

    def put_checked(backend: Any, bucket_name: str, policy: bytes) -> None:
        if not is_object(policy):
            begun = policy.lstrip()[:1] == b"{"
            raise S3ClientError("MalformedPolicy", _NO_JSON if begun else _NO_POLICY)
        put_policy(backend, bucket_name, policy)

    FakeBucket.get_permission = get_permission
    S3Backend.put_bucket_policy = put_checked


def take_parts() -> None:
    """Refuse parts of uploads that are not there any more, at which moto fails. [DOC] s3-api:API_UploadPart, Errors"""
    complete = S3Backend.complete_multipart_upload

    def complete_in_order(backend: Any, bucket_name: str, multipart_id: str, body: Iterable[tuple[int, str]]) -> Any:
        parts = list(body)
        numbers = [number for number, _ in parts]
        if numbers != sorted(set(numbers)):
            raise S3ClientError("InvalidPartOrder", _NO_ORDER)
        return complete(backend, bucket_name, multipart_id, iter(parts))

    S3Backend.complete_multipart_upload = complete_in_order
    for name in ("upload_part", "upload_part_copy", "complete_multipart_upload"):
        setattr(S3Backend, name, _of_upload(getattr(S3Backend, name)))


def take_pages() -> None:
    """Refuse to go on where no page has ended, at which moto fails. [USR] versitygw #993, aws-sdk-js-v3 #1636"""
    list_objects = S3Backend.list_objects_v2

    def list_checked(backend: Any, *given: Any, **asked: Any) -> Any:
        token = asked.get("continuation_token")
        if token and token not in backend._pagination_tokens:  # noqa: SLF001 - no method tells them
            raise S3ClientError("InvalidArgument", "The continuation token provided is incorrect")
        return list_objects(backend, *given, **asked)

    S3Backend.list_objects_v2 = list_checked


def take_versions() -> None:
    """Keep the versions of objects where a bucket keeps no more of them: moto would drop them with the next change.

    [DOC] s3-docs:AddingObjectstoVersionSuspendedBuckets, DeletingObjectsfromVersioningSuspendedBuckets
    """
    put, mark, delete = S3Backend.put_object, S3Backend._set_delete_marker, S3Backend.delete_object  # noqa: SLF001
    marked: set[str] = set()

    def put_beside(backend: Any, bucket_name: str, key_name: str, *given: Any, **named: Any) -> Any:
        bucket = backend.get_bucket(bucket_name)
        kept = _named(bucket, key_name) if bucket.versioning_status == _SUSPENDED else []
        if not kept:
            return put(backend, bucket_name, key_name, *given, **named)
        before = bucket.keys.getlist(key_name)
        # What moto itself takes out of the list loses its content.
        dict.__setitem__(bucket.keys, key_name, [each for each in before if each not in kept])
        try:
            new = put(backend, bucket_name, key_name, *given, **named)
        except S3ClientError:
            dict.__setitem__(bucket.keys, key_name, before)
            raise
        dict.__setitem__(bucket.keys, key_name, [*kept, new])
        return new

    def mark_beside(backend: Any, bucket_name: str, key_name: str) -> Any:
        marker = mark(backend, bucket_name, key_name)
        if bucket_name in marked:
            marker._version_id = _NULL  # noqa: SLF001 - no other way to say it
            bucket = backend.get_bucket(bucket_name)
            bucket.keys.setlist(key_name, [*_named(bucket, key_name), marker])
        return marker

    def delete_beside(backend: Any, bucket_name: str, *given: Any, **named: Any) -> Any:
        bucket = backend.get_bucket(bucket_name)
        if bucket.versioning_status != _SUSPENDED:
            return delete(backend, bucket_name, *given, **named)
        marked.add(bucket_name)
        try:
            with _as_if_enabled(bucket):  # else all versions are one for it
                return delete(backend, bucket_name, *given, **named)
        finally:
            marked.discard(bucket_name)

    S3Backend.put_object = put_beside
    S3Backend._set_delete_marker = mark_beside  # noqa: SLF001 - as above
    S3Backend.delete_object = delete_beside
    if hasattr(S3Response, "head_object"):
        S3Response.head_object = _head_of_version(S3Response.head_object)


def _head_of_version(head: Callable[..., Any]) -> Callable[..., Any]:
    """Tell of a version wherever there are versions: moto does where new ones are kept alone."""

    def head_of_version(asked: Any, bucket_name: str, query: Mapping[str, Any], *given: Any, **named: Any) -> Any:
        if not query.get("versionId"):
            return head(asked, bucket_name, query, *given, **named)
        with _as_if_enabled(asked.backend.get_bucket(bucket_name)):
            return head(asked, bucket_name, query, *given, **named)

    return head_of_version


@contextmanager
def _as_if_enabled(bucket: Any) -> Iterator[None]:
    """Have moto take a bucket, for a call that makes no version, for one that keeps versions."""
    status, bucket.versioning_status = bucket.versioning_status, "Enabled"
    try:
        yield
    finally:
        bucket.versioning_status = status


def _named(bucket: Any, key_name: str) -> list[Any]:
    """The versions of an object that have ids."""
    return [each for each in bucket.keys.getlist(key_name, []) if each.version_id != _NULL]


def _of_upload(act: Callable[..., Any]) -> Callable[..., Any]:
    def checked(backend: Any, bucket_name: str, multipart_id: str, *given: Any, **named: Any) -> Any:
        if multipart_id not in backend.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        return act(backend, bucket_name, multipart_id, *given, **named)

    return checked


def _read(read: Callable[..., Any]) -> Callable[..., Any]:
    """Have a document refused that lacks what moto looks for in it. [DOC] s3-api:ErrorResponses"""

    def read_or_refuse(*asked: Any) -> Any:
        try:
            return read(*asked)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise MalformedXML from error

    return read_or_refuse


def _tags(asked: Any, document: Any = None) -> dict[str, str]:
    """``document``: as moto before 5.1 or so gives it."""
    given = xmltodict.parse(document or asked.body, force_list=("Tag",))["Tagging"]["TagSet"] or {}
    return {each["Key"]: each["Value"] or "" for each in given.get("Tag", ())}


def _told(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Answer also that a bucket tells EventBridge: who adds to what moto answers would switch it off."""

    def with_bus(asked: Any) -> Any:
        status, headers, body = answer(asked)
        found = asked.backend.get_bucket_notification_configuration(asked.bucket_name)
        if getattr(found, "event_bridge", None) is None:
            return status, headers, body
        text = body if isinstance(body, str) else body.decode()
        if text.endswith("/>"):
            text = f"{text[:-2]}>{_END}"
        return status, headers, text.replace(_END, f"<EventBridgeConfiguration/>{_END}")

    return with_bus


def _configuration(asked: Any) -> dict[str, Any]:
    """A configuration as it is asked for, where moto takes neither names in capitals nor empty values as S3 does.

    [REC] ls-snap test_filter_rules_case_insensitive, test_filter_rules_empty_value: names are told in capitals
    """
    services = {"Topic": "sns", "Queue": "sqs", "CloudFunction": "lambda"}
    lists = ("Event", "FilterRule", *(f"{name}Configuration" for name in services))
    given = xmltodict.parse(asked.body, force_list=lists)["NotificationConfiguration"] or {}
    found: dict[str, Any] = {"EventBridgeConfiguration": {}} if "EventBridgeConfiguration" in given else {}
    for name, service in services.items():
        entries = given.get(f"{name}Configuration", [])
        for each in entries:
            if str(each.get(name)).split(":")[2:3] != [service]:
                raise S3ClientError("InvalidArgument", "The ARN could not be parsed")
            rules = ((each.pop("Filter", None) or {}).get("S3Key") or {}).get("FilterRule")
            if rules:
                told = [{"Name": str(rule["Name"]).capitalize(), "Value": rule.get("Value") or ""} for rule in rules]
                each["Filter"] = {"S3Key": {"FilterRule": told}}
        found |= {f"{name}Configuration": entries} if entries else {}
    return found

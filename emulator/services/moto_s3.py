"""What S3 takes of notifications, policies and parts, and what it tells of them, where moto differs.

Imported in the process of the services only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import xmltodict
from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import NoSuchUpload, S3ClientError
from moto.s3.models import FakeBucket, NotificationConfiguration, S3Backend
from moto.s3.responses import S3Response

from .s3 import events as s3_events

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

    FakeBucket.set_notification_configuration = set_checked
    S3Response._notification_config_from_body = _configuration  # noqa: SLF001 - it ends in assertions
    if hasattr(S3Response, "get_bucket_notification"):  # moto before 5.2 or so has none
        S3Response.get_bucket_notification = _told(S3Response.get_bucket_notification)


def take_policies() -> None:
    """Have policies deny nothing: moto overlooks conditions, so that one that denies all but TLS would deny all."""
    permission = FakeBucket.get_permission

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        found = permission(bucket, action, resource)
        return PermissionResult.NEUTRAL if found is PermissionResult.DENIED else found

    FakeBucket.get_permission = get_permission


def take_parts() -> None:
    """Refuse parts of uploads that are not there any more, at which moto fails. [DOC] s3-api:API_UploadPart, Errors"""
    for name in ("upload_part", "upload_part_copy", "complete_multipart_upload"):
        setattr(S3Backend, name, _of_upload(getattr(S3Backend, name)))


def _of_upload(act: Callable[..., Any]) -> Callable[..., Any]:
    def checked(backend: Any, bucket_name: str, multipart_id: str, *given: Any, **named: Any) -> Any:
        if multipart_id not in backend.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        return act(backend, bucket_name, multipart_id, *given, **named)

    return checked


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

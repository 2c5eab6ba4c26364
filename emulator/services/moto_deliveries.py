"""Takes from moto what its services would deliver, and hands it over. Imported in the process of the services only.

moto delivers to Lambda and SQS of its own, which nobody uses here; so what does it is replaced, once a service is asked
for the first time.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ..foundation.json_bytes import json_text
from .delivery import Delivery, Tell
from .s3 import events as s3_events

if TYPE_CHECKING:
    from .moto_events import Events
    from .moto_scheduler import Schedules


class Deliveries:
    """Stands between moto's services and whoever is told."""

    def __init__(self, tell: Tell, now: Callable[[], datetime]) -> None:
        self._tell = tell
        self._now = now
        self._taken: set[str] = set()
        self._caller = ("127.0.0.1", "")
        self._events: Events | None = None
        self._schedules: Schedules | None = None
        self._of_sns: Callable[[bytes], bytes] | None = None
        self._is_of_tags = False
        self._only: str | None = None
        """The one event that what is under way tells; None: all."""

    def take(self, service: str, caller: tuple[str, str], *, is_of_tags: bool = False) -> None:
        """Stand in the way of a service from now on; ``caller`` (address, access key id) asks it next.

        ``is_of_tags``: it asks for tags of an object, which moto also tells where an object is put.
        """
        self._caller, self._is_of_tags = caller, is_of_tags
        self._take(service)

    def _take(self, service: str) -> None:
        if service not in self._taken:
            self._taken.add(service)
            takes = {
                "events": self._take_events,
                "kms": _take_keys,
                "s3": self._take_s3,
                "scheduler": self._take_scheduler,
                "secretsmanager": _take_secrets,
                "sns": self._take_sns,
            }
            if (take := takes.get(service)) is not None:
                take()

    def completed(self, service: str, answer: bytes) -> bytes:
        """What a service answered, with what moto leaves out of it."""
        return answer if service != "sns" or self._of_sns is None else self._of_sns(answer)

    @property
    def has_clock(self) -> bool:
        """Whether something may become due: whether there may be rules or schedules."""
        return self._events is not None or self._schedules is not None

    def tick(self) -> None:
        """Do what is due by the clock; called once a second."""
        if self._events is not None:
            self._events.tick()
        if self._schedules is not None:
            self._schedules.tick()

    def _take_events(self) -> None:
        self._take("sns")
        from .moto_events import Events  # noqa: PLC0415 - only what is asked for is imported

        self._events = Events(self._tell, self._now)
        self._events.take()

    def _take_scheduler(self) -> None:
        self._take("sns")
        from .moto_scheduler import Schedules, take  # noqa: PLC0415 - only what is asked for is imported

        take()
        self._schedules = Schedules(self._tell, self._now, self._put)

    def _put(self, sent: Mapping[str, Any], bus: str = "default") -> None:
        self._take("events")
        assert self._events is not None
        self._events.put(sent, bus.rpartition("/")[2])

    def _take_sns(self) -> None:
        from . import moto_sns  # noqa: PLC0415 - only what is asked for is imported

        self._of_sns = moto_sns.take(self._tell)

    # S3

    def _take_s3(self) -> None:
        from moto.s3 import notifications  # noqa: PLC0415 - only what is asked for is imported
        from moto.s3.models import S3Backend  # noqa: PLC0415 - as above

        from . import moto_s3  # noqa: PLC0415 - as above

        def send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
            self._s3(str(event_name.value), bucket, key)

        def send_test_event(account_id: str, bucket: Any) -> None:
            found = bucket.notification_configuration
            for each in {each.arn for each in (*found.queue, *found.topic)}:
                told = s3_events.test_event(bucket.name, self._now(), request_id=uuid.uuid4().hex)
                self._send_s3(each, bucket.name, told)

        moto_s3.take_versions()
        mark = S3Backend._set_delete_marker  # noqa: SLF001 - tells nobody of a marker, which AWS does

        def set_delete_marker(backend: Any, bucket_name: str, key_name: str) -> Any:
            marker = mark(backend, bucket_name, key_name)
            bucket = backend.get_bucket(bucket_name)
            self._s3("s3:ObjectRemoved:DeleteMarkerCreated", bucket, marker)
            return marker

        delete = S3Backend.delete_object

        def delete_object(
            backend: Any, bucket_name: str, key_name: str, version_id: str | None = None, **more: Any
        ) -> Any:
            # moto tells of the last version only; markers are versions, too.
            found = backend.get_bucket(bucket_name)
            gone = () if version_id is None else _versions(found, key_name, version_id)
            answer = delete(backend, bucket_name, key_name, version_id=version_id, **more)
            if _versions(found, key_name):
                for each in gone:
                    self._s3("s3:ObjectRemoved:Delete", found, each)
            return answer

        S3Backend.delete_object = delete_object
        complete = S3Backend.complete_multipart_upload

        def complete_multipart_upload(*arguments: Any, **named: Any) -> Any:
            # moto puts and tags the object, and tells that, too; AWS tells one thing.
            self._only = "s3:ObjectCreated:CompleteMultipartUpload"
            try:
                return complete(*arguments, **named)
            finally:
                self._only = None

        S3Backend.complete_multipart_upload = complete_multipart_upload
        moto_s3.take_configurations()
        moto_s3.take_policies()
        moto_s3.take_parts()
        moto_s3.take_pages()
        notifications.send_event = send_event
        notifications.send_test_event = send_test_event
        S3Backend._set_delete_marker = set_delete_marker  # noqa: SLF001 - as above

    def _s3(self, name: str, bucket: Any, key: Any) -> None:
        found = bucket.notification_configuration
        if found is None or self._only not in (None, name):
            return
        if name.startswith(s3_events.TAGGED) and not self._is_of_tags:
            return
        event = _object_event(name, bucket, key, self._caller)
        for each in (*found.cloud_function, *found.queue, *found.topic):
            rules = (each.filters or {}).get("S3Key", {}).get("FilterRule", ())
            if s3_events.wants(event, each.events, rules):
                told = s3_events.notification(event, each.id, self._now(), request_id=uuid.uuid4().hex)
                self._send_s3(each.arn, bucket.name, told)
        if getattr(found, "event_bridge", None) is not None:  # moto before 5.0.6 or so has none
            sent = s3_events.bus_event(event, self._now(), account=bucket.account_id, request_id=uuid.uuid4().hex)
            if sent is not None:
                self._put(sent)

    def _send_s3(self, to: str, bucket: str, told: Mapping[str, Any]) -> None:
        if _TOPIC not in to:
            self._tell(Delivery(to=to, by=f"bucket {bucket}", payload=json_text(told)))
            return
        self._take("sns")
        from . import moto_sns  # noqa: PLC0415 - only where a bucket tells a topic

        try:
            moto_sns.send(to, json_text(told), _SUBJECT)
        except Exception as error:  # noqa: BLE001 - moto's of any kind: told, and the object is put and others are told
            self._tell(Delivery.lost(to, f"bucket {bucket}", error))


def _take_keys() -> None:
    from . import moto_kms  # noqa: PLC0415 - only what is asked for is imported

    moto_kms.take()


def _take_secrets() -> None:
    from . import moto_secrets  # noqa: PLC0415 - only what is asked for is imported

    moto_secrets.take()


_TOPIC: Final = ":sns:"
_SUBJECT: Final = "Amazon S3 Notification"
"""Of messages that buckets publish. [USR] seen in mails of such topics"""
_UNVERSIONED: Final = (None, "null")


def _versions(bucket: Any, key: str, version: str | None = None) -> list[Any]:
    """An object's versions and markers; with ``version`` that one."""
    return [each for each in bucket.keys.getlist(key, []) if version is None or str(each.version_id) == version]


def _object_event(name: str, bucket: Any, key: Any, caller: tuple[str, str]) -> s3_events.ObjectEvent:
    version = getattr(key, "version_id", None)
    return s3_events.ObjectEvent(
        name=name,
        bucket=bucket.name,
        key=key.name,
        size=int(getattr(key, "size", 0) or 0),
        etag=str(getattr(key, "etag", "")).strip('"'),
        version=str(version) if bucket.is_versioned and version not in _UNVERSIONED else None,
        region=bucket.region_name,
        peer=caller[0],
        principal=caller[1],
    )

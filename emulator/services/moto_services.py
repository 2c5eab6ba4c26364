"""The services themselves: moto's, asked as its own clients ask them. Imported in the process of the services only.

With `moto_deliveries` and `emulator.event_sources.queues.moto_queues`, the modules that know moto. Requests come in by
moto's own hook for botocore, which is the same in every version that is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationNotFoundError
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.common_models import BaseModel

from ..port.http import FORM
from . import moto_deliveries
from .calls import EMPTY_BUCKET, UNSUBSCRIBE, Call, CallRefusedError
from .delivery import Tell

_UNKNOWN: Final = 501
_NOT_FOUND, _REFUSED = 404, 400
"""Services of AWS's JSON protocol have one status for everything that they refuse; moto has more.

[DOC] secretsmanager-docs:API_GetSecretValue, kms-docs:API_DescribeKey, Errors
"""
_NOT_BACK: Final = frozenset({"connection", "status", "server", "date", "transfer-encoding"})
"""What clients send that say nothing of a body's type: curl, and Python's urllib."""
_LENGTH: Final = "content-length"
_UNKNOWN_OF_S3: Final = frozenset(
    {
        *("abac", "analytics", "annotation", "intelligent-tiering", "metadataAnnotationTable", "metadataConfiguration"),
        *("metadataInventoryTable", "metadataJournalTable", "metadataTable", "metrics", "renameObject"),
        *("requestPayment", "session", "torrent"),
    }
)
"""Parts of buckets and objects that moto takes for the whole, and would answer with something else."""
_UNKNOWN_OF_EVENTS: Final = frozenset({"CreateApiDestination", "CreateArchive", "CreateConnection", "StartReplay"})
"""What moto keeps of EventBridge, and nobody here does."""
_CLIENTS_WORDS: Final = re.compile(rb"An error occurred \(\w+\) when calling the \w+ operation: ")
"""What SDKs say before the text of an error, and moto does, too, here and there."""
_ALREADY: Final = (
    "AlreadyExistsException",
    "ConflictException",
    "BucketAlreadyOwnedByYou",
    "ResourceAlreadyExistsException",
    "ResourceExistsException",
)
"""Errors that say that a resource is here already, from a call before."""


_CHANGED_BY: Final = {"create_schedule": "update_schedule"}
"""What changes a thing that is here already, so that it is as described."""

_SAYS_NOTHING: Final = frozenset({"create_bucket", "create_topic", "put_rule"})
"""Operations that answer the same whether something is here already."""


def _in_awss_words(refusal: bytes) -> bytes:
    """A refusal without what its client says itself, and without the gaps of moto's broken lines."""
    return re.sub(rb"(?<=\S) {2,}(?=\S)", b" ", _CLIENTS_WORDS.sub(b"", refusal))


# moto keeps each object that was ever made, such as those of S3 with their content, as long as the process lives.
BaseModel.__new__ = staticmethod(lambda cls, *_, **__: object.__new__(cls))


class MotoServices:
    """All services; used from one thread."""

    def __init__(
        self,
        region: str,
        keys: tuple[str, str],
        tell: Tell,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``keys`` are those of the account's owner, ``tell`` is given what is to be delivered."""
        self._stubber = BotocoreStubber()
        self._stubber.enabled = True
        self._deliveries = moto_deliveries.Deliveries(tell, now)
        self._region = region
        self._keys = keys
        self._session = botocore.session.Session()
        self._clients: dict[str, Any] = {}

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, service: str, caller: tuple[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body for a request to one of AWS's addresses; ``caller`` is address and access key id."""
        query = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
        self._deliveries.take(service, caller, is_of_tags="tagging" in query)
        if service == "s3" and query & _UNKNOWN_OF_S3:
            return _UNKNOWN, [], b""
        found = HTTPHeaders()
        for name, value in headers.items():
            found[name] = value
        if service == "events" and str(found.get("x-amz-target", "")).rpartition(".")[2] in _UNKNOWN_OF_EVENTS:
            return _UNKNOWN, [], b""
        if service == "s3" and method == "PUT" and found.get("content-type", "").startswith(FORM):
            found.replace_header("content-type", "binary/octet-stream")  # moto reads a form, and stores nothing
        try:
            response = self._asked(AWSPreparedRequest(method, url, found, body, stream_output=False))
        except OperationNotFoundError:
            response = None
        if response is None:
            return _UNKNOWN, [], b""
        left_out = _NOT_BACK if method == "HEAD" else {*_NOT_BACK, _LENGTH}
        status = int(response.status_code)
        if status == _NOT_FOUND and "x-amz-target" in found:
            status = _REFUSED
        kept = [(name, str(value)) for name, value in response.headers.items() if name.lower() not in left_out]
        if status >= _REFUSED:
            return status, kept, _in_awss_words(response.content)
        return status, kept, self._deliveries.completed(service, response.content)

    def make(self, call: Call) -> bool:
        """Do what a template describes, as the account's owner; False: what is here already stays.

        Raises:
            CallRefusedError: the service refuses it.
        """
        self._deliveries.take(call.service, ("127.0.0.1", self._keys[0]))
        is_here = call.operation in _SAYS_NOTHING and self._is_here(call)
        try:
            if call.operation == EMPTY_BUCKET:
                self._empty(call.parameters["Bucket"])
            elif call.operation == UNSUBSCRIBE:
                self._unsubscribe(**call.parameters)
            else:
                getattr(self._client(call.service), call.operation)(**call.parameters)
        except ClientError as error:
            if error.response["Error"].get("Code") not in _ALREADY:
                raise CallRefusedError(f"{call.resource}: {error}") from error
            if (changed := _CHANGED_BY.get(call.operation)) is not None:
                getattr(self._client(call.service), changed)(**call.parameters)
            return False
        except BotoCoreError as error:
            raise CallRefusedError(f"{call.resource}: {error}") from error
        return not is_here

    def _empty(self, bucket: str) -> None:
        client = self._client("s3")
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if found:
                objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})

    def _unsubscribe(self, TopicArn: str, Protocol: str, Endpoint: str) -> None:  # noqa: N803 - AWS's names
        client = self._client("sns")
        for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=TopicArn):
            for each in page["Subscriptions"]:
                if (each["Protocol"], each["Endpoint"]) == (Protocol, Endpoint):
                    client.unsubscribe(SubscriptionArn=each["SubscriptionArn"])

    def _is_here(self, call: Call) -> bool:
        """Whether what an operation makes is here already, which the operation itself does not say."""
        given = call.parameters
        if call.operation == "create_topic":
            pages = self._client("sns").get_paginator("list_topics").paginate()
            topics = (each for page in pages for each in page["Topics"])
            return any(each["TopicArn"].rpartition(":")[2] == given["Name"] for each in topics)
        try:
            if call.operation == "create_bucket":
                self._client("s3").head_bucket(Bucket=given["Bucket"])
            else:
                where = {name: given[name] for name in ("Name", "EventBusName") if name in given}
                self._client("events").describe_rule(**where)
        except ClientError:
            return False
        return True

    @property
    def has_clock(self) -> bool:
        """Whether something may become due."""
        return self._deliveries.has_clock

    def tick(self) -> None:
        """Do what is due by the clock; called once a second."""
        self._deliveries.tick()

    def _client(self, service: str) -> Any:
        client = self._clients.get(service)
        if client is None:
            client = self._session.create_client(
                service,
                self._region,
                aws_access_key_id=self._keys[0],
                aws_secret_access_key=self._keys[1],
                config=Config(ignore_configured_endpoint_urls=True, retries={"max_attempts": 0}),
            )
            client.meta.events.register("before-send", lambda request, **_: self._asked(request))
            self._clients[service] = client
        return client

    def _asked(self, request: AWSPreparedRequest) -> AWSResponse | None:
        return self._stubber("before-send", request)

"""What operators do with the requests of a deployed or emulated service; no handler uses it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamer.records import KEPT_SECONDS, RequestKey, RequestRecord, Status, owner_of
from streamer.requests import lifecycle
from streamer.requests.dispatcher import LambdaDispatcher
from streamer.requests.lifecycle import Applied
from streamer.requests.runs import RUN, Run, run_of
from streamer.stores.dynamodb import translated
from streamer.stores.dynamodb_requests import DynamoRequestStore
from streamer.stores.items import request_record


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message of the queue."""

    key: RequestKey | None
    """The request that it was about; None: a batch of stream records, which does not say, or something else."""
    condition: str
    """Why it was given up, in Lambda's words such as ``RetriesExhausted``."""
    at: str
    """When, as ISO 8601; empty if it does not say."""
    attempts: int | None
    """How often the function was tried; None: it does not say."""
    error: str | None
    """What the function said; None: nothing."""
    receipt: str
    """Removes the message from the queue."""


def dead_letter(body: str, receipt: str) -> DeadLetter:
    """Read a message; one that has another form than Lambda's is told as what it is."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return DeadLetter(key=None, condition="unreadable", at="", attempts=None, error=None, receipt=receipt)
    context = _mapping(document, "requestContext")
    return DeadLetter(
        key=_key(document.get("requestPayload")),
        condition=str(context.get("condition", "unknown")),
        at=str(document.get("timestamp", "")),
        attempts=context.get("approximateInvokeCount"),
        error=_mapping(document, "responsePayload").get("errorMessage"),
        receipt=receipt,
    )


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _key(payload: Any) -> RequestKey | None:
    return run_of(payload).key if isinstance(payload, dict) and RUN in payload else None


PEEK_SECONDS: Final = 20
"""How long messages that are looked at are kept from other readers."""
WAIT_SECONDS: Final = 1.0
"""How long it is between two looks at a request that is waited for."""
POLL_SECONDS: Final = 1
"""How long SQS may wait for messages. Without waiting it asks some of its servers only, and may say that there are none
while there are. [DOC] sqs-docs:sqs-short-and-long-polling"""
LETTERS: Final = 500
"""Most dead letters that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNames:
    """What is called how where a service runs: its requests' table, its processor, its queue of dead letters."""

    requests_table: str
    function_name: str | None
    """The processor; None: not known."""
    queue_url: str | None
    """The queue of dead letters; None: there is none."""


class Operator:
    """Looks at requests and puts them back."""

    def __init__(self, client: Callable[[str], Any], names: ServiceNames) -> None:
        """Without I/O; ``client`` gives the client of ``dynamodb``, ``sqs`` or ``lambda`` when it is needed."""
        self._client = client
        self._names = names
        self._store = DynamoRequestStore(lambda: client("dynamodb"), names.requests_table)

    def requests(
        self, statuses: Iterable[Status] = (), *, tenant_id: str | None = None, user_id: str | None = None
    ) -> Iterator[RequestRecord]:
        """The requests in one of the statuses (none: in any), of a tenant and of a user (None: of all).

        Reads the requests of one owner if tenant and user are known, else the whole table, and costs accordingly.

        Raises:
            StoreError: DynamoDB did not answer or refused.
        """
        wanted = {f":s{number}": {"S": str(status)} for number, status in enumerate(statuses)}
        condition = f"#status IN ({', '.join(wanted)})" if wanted else "attribute_exists(#status)"
        return self._read(condition, wanted, tenant_id, user_id)

    def find(self, request_id: str, *, tenant_id: str | None, user_id: str | None) -> list[RequestRecord]:
        """The requests of that id, payloads included: one read if tenant and user are known, else of the whole table.

        Raises:
            StoreError: as `requests`.
        """
        if tenant_id is not None and user_id is not None:
            found = self._store.get(RequestKey(owner_of(tenant_id, user_id), request_id))
            return [self._store.whole(found)] if found is not None else []
        condition, values = "attribute_exists(#status) AND request_id = :id", {":id": {"S": request_id}}
        return [self._store.whole(record) for record in self._read(condition, values, tenant_id, user_id)]

    def put_back(self, record: RequestRecord, *, further_attempts: int, now: float) -> bool:
        """Let a request run again: a failed one from the start, one that is on its way by another run of it.

        False: it has just become something else, or nobody knows its function.

        Raises:
            StoreError: DynamoDB did not answer or refused.
            DispatchError: Lambda did not.
        """
        if record.status is Status.FAILED:
            self._store.keep_payload(record, now=now)
            change = lifecycle.reopen(attempt=record.attempt, further_attempts=further_attempts, now=now)
            return isinstance(self._store.apply(record.key, change), Applied)
        if lifecycle.is_final(record.status) or self._names.function_name is None:
            return False
        LambdaDispatcher(lambda: self._client("lambda"), self._names.function_name).dispatch(Run(record.key))
        return True

    def cancel(self, record: RequestRecord, reason: str, *, now: float) -> bool:
        """End a request; whoever listens is told, and an attempt that runs finds out at its next write.

        False: it has ended by itself already.

        Raises:
            StoreError: DynamoDB did not answer or refused.
        """
        change = lifecycle.cancel(reason, now=now, kept_seconds=record.kept_seconds or KEPT_SECONDS)
        return isinstance(self._store.apply(record.key, change), Applied)

    def wait(
        self,
        record: RequestRecord,
        *,
        until: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> RequestRecord:
        """The request as soon as it is final, or as it is at that time in Unix seconds; looks once a second.

        Raises:
            StoreError: DynamoDB did not answer or refused.
        """
        while not lifecycle.is_final(record.status) and clock() < until:
            sleep(min(WAIT_SECONDS, max(0.0, until - clock())))
            record = self._store.get(record.key) or record
        return record

    def dead_letters(self) -> list[DeadLetter]:
        """What is in the queue, which stays there; messages that someone else looks at right now are missing.

        Raises:
            StoreError: SQS did not answer or refused.
        """
        if self._names.queue_url is None:
            return []
        with translated("ReceiveMessage"):
            found: dict[str, DeadLetter] = {}
            while len(found) < LETTERS and (messages := self._received(self._names.queue_url)):
                found |= {each["MessageId"]: dead_letter(each["Body"], each["ReceiptHandle"]) for each in messages}
            for letter in found.values():
                self._client("sqs").change_message_visibility(
                    QueueUrl=self._names.queue_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
                )
        return list(found.values())

    def remove_dead_letters(self, key: RequestKey) -> int:
        """Remove the dead letters about a request, and say how many there were; raises as `dead_letters`."""
        letters = [letter for letter in self.dead_letters() if letter.key == key]
        with translated("DeleteMessage"):
            for letter in letters:
                self._client("sqs").delete_message(QueueUrl=self._names.queue_url, ReceiptHandle=letter.receipt)
        return len(letters)

    def _received(self, queue_url: str) -> list[Any]:
        answer = self._client("sqs").receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=PEEK_SECONDS, WaitTimeSeconds=POLL_SECONDS
        )
        return list(answer.get("Messages", []))

    def _read(
        self, condition: str, values: Mapping[str, Any], tenant_id: str | None, user_id: str | None
    ) -> Iterator[RequestRecord]:
        asked: dict[str, Any] = {
            "TableName": self._names.requests_table,
            "FilterExpression": condition,
            "ExpressionAttributeNames": {"#status": "status"},
        }
        read = self._client("dynamodb").scan
        if tenant_id is not None and user_id is not None:
            read = self._client("dynamodb").query
            asked["KeyConditionExpression"] = "#owner = :owner"
            asked["ExpressionAttributeNames"]["#owner"] = "owner"
            values = {**values, ":owner": {"S": owner_of(tenant_id, user_id)}}
        if values:
            asked["ExpressionAttributeValues"] = values
        while True:
            with translated("Query" if "KeyConditionExpression" in asked else "Scan"):
                page = read(**asked)
            records = (request_record(item) for item in page["Items"])
            yield from (
                each for each in records if tenant_id in (None, each.tenant_id) and user_id in (None, each.user_id)
            )
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

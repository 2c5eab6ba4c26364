"""The built-in actions ``cancel``, ``subscribe``, ``unsubscribe`` and ``publish``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from streamer.actions import require_verdict
from streamer.app import App
from streamer.errors import ActionError, ErrorCode
from streamer.handlers.call import Call
from streamer.protocol import answers, messages
from streamer.protocol.topics import (
    LISTENERS,
    PUBLISH_PERMISSION,
    OwnRequest,
    Topic,
    hears,
    subject_of,
    topic_of,
    topic_target,
)
from streamer.records import RequestKey, RequestRecord, Status, SubscriptionRecord, is_owner, owner_of
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Refused, is_final

if TYPE_CHECKING:
    from streamer.sending.hub import Hub
    from streamer.stores.protocols import RequestStore, SubscriptionStore

CANCEL_PERMISSION: Final = "requests:cancel"
"""What a client needs to cancel requests of other users of its tenant."""
REASON_CHARACTERS: Final = 256
"""Longest reason that a client may give."""


class Cancelling:
    """Ends requests that nobody wants any more: one DynamoDB call.

    Those who hear about the request are told by a run that the stream starts, which no crash can prevent.
    """

    def __init__(self, requests: RequestStore, kept_seconds: int) -> None:
        self._requests = requests
        self._kept_seconds = kept_seconds

    def cancel(self, call: Call) -> str:
        """Cancel a request, unless it is over; the answer says what it is now. Doing it twice changes nothing.

        Raises:
            ActionError: the payload is wrong, there is no such request, or it is another's and the permission is
                missing.
        """
        payload = call.message.payload if isinstance(call.message.payload, dict) else {}
        key = self._key(call, payload)
        change = lifecycle.cancel(_reason(call, payload), now=call.now, kept_seconds=self._kept_seconds)
        outcome = self._requests.apply(key, change)
        found = outcome.current if isinstance(outcome, Refused) else outcome.record
        record = call.living(found, key.request_id)
        call.log.info("request cancelled", cancelled=key.request_id, status=record.status)
        return messages.response(call.message.request_id, _state_json(record), now=call.now)

    def _key(self, call: Call, payload: dict[str, Any]) -> RequestKey:
        wanted, user_id = call.wanted_request_id(), payload.get("user_id", call.principal.user_id)
        if not isinstance(user_id, str):
            raise ActionError(
                '"user_id" must be a string', code=ErrorCode.VALIDATION_ERROR, details={"field": "payload.user_id"}
            )
        if user_id != call.principal.user_id and CANCEL_PERMISSION not in call.principal.permissions:
            # Before anything is looked up: whether the request exists is nobody's business.
            raise ActionError(
                f"cancelling another user's request needs the permission {CANCEL_PERMISSION}",
                code=ErrorCode.FORBIDDEN,
                details={"missing": [CANCEL_PERMISSION]},
            )
        # The tenant is the caller's own, whatever the message says.
        owner = owner_of(call.principal.tenant_id, user_id)
        if not is_owner(owner):
            raise call.not_found(wanted)
        return RequestKey(owner, wanted)


def _reason(call: Call, payload: dict[str, Any]) -> str:
    given = payload.get("reason")
    if isinstance(given, str) and given.strip():
        return given.strip()[:REASON_CHARACTERS]
    is_own = payload.get("user_id", call.principal.user_id) == call.principal.user_id
    return "cancelled by its user" if is_own else "cancelled by another user with permission"


def _state_json(record: RequestRecord) -> str:
    state = {
        "request_id": record.request_id,
        "status": record.status,
        "cancelled": record.status is Status.CANCELLED,
    }
    return messages.to_json(state)


class Listening:
    """Lets connections hear about topics of their tenant and requests of their user.

    DynamoDB calls: one for a topic, one read and one write for a request; publishing takes one query.
    """

    def __init__(
        self,
        *,
        app: App,
        requests: RequestStore,
        subscriptions: SubscriptionStore,
        hub: Callable[[], Hub],
        ttl_seconds: int,
    ) -> None:
        self._app = app
        self._requests = requests
        self._subscriptions = subscriptions
        self._hub = hub
        self._ttl_seconds = ttl_seconds

    def subscribe(self, call: Call) -> str:
        """Let the connection hear about something; of a request it is told at once how far it is, or its end.

        Raises:
            ActionError: the payload is wrong, there is no such request, or the App does not allow the topic.
        """
        match subject_of(call.message.payload):
            case Topic() as topic:
                self._authorize(call, topic, "subscribe")
                self._subscriptions.add(
                    SubscriptionRecord(
                        connection_id=call.origin.connection_id,
                        target=topic_target(call.principal.tenant_id, topic),
                        endpoint=call.origin.endpoint,
                        expires_at=int(call.now) + self._ttl_seconds,
                    )
                )
                return _response(call, {"topic": topic.name, "subscribed": True})
            case OwnRequest(request_id):
                return self._follow(call, self._own(call, request_id))

    def unsubscribe(self, call: Call) -> str:
        """Let the connection hear no more about something; a request's own connection always does.

        Raises:
            ActionError: the payload is wrong, or there is no such request.
        """
        match subject_of(call.message.payload):
            case Topic() as topic:
                target = topic_target(call.principal.tenant_id, topic)
                self._subscriptions.remove(call.origin.connection_id, target)
                return _response(call, {"topic": topic.name, "subscribed": False})
            case OwnRequest(request_id):
                record = self._own(call, request_id)
                if call.listener in record.listeners:
                    self._requests.apply(record.key, lifecycle.leave(frozenset({call.listener})))
                is_own = record.connection_id == call.origin.connection_id and not is_final(record.status)
                return _response(call, {"request_id": request_id, "subscribed": is_own})

    def publish(self, call: Call) -> str:
        """Send data to the subscribers of a topic, and say how many they were.

        Raises:
            ActionError: the payload is wrong, or the caller may not publish there.
        """
        payload = call.message.payload if isinstance(call.message.payload, dict) else {}
        topic = topic_of(payload.get("topic"))
        self._authorize(call, topic, "publish")
        data_json = messages.to_json(payload.get("data"))
        delivery = self._hub().to_topic(call.principal.tenant_id, topic, data_json, seconds=call.seconds_left())
        counts: dict[str, Any] = {
            "delivered": delivery.delivered,
            "gone": delivery.gone_count,
            "failed": delivery.failed_count,
        }
        if delivery.passed_on:
            counts["passed_on"] = delivery.passed_on
        call.log.info("published", topic=topic.name, **counts)
        return _response(call, {"topic": topic.name, **counts})

    def join(self, call: Call, record: RequestRecord) -> RequestRecord:
        """Let the caller's connection hear about a request of its user, and return how the request is then.

        Raises:
            ActionError: too many connections hear about it already.
        """
        if is_final(record.status) or hears(record, call.origin.connection_id):
            return record
        if len(record.listeners) >= LISTENERS:
            raise ActionError(
                f"{LISTENERS} connections hear about request {record.request_id!r} already; ask for its status",
                code=ErrorCode.RATE_LIMITED,
                details={"limit": "listeners_per_request"},
                retryable=True,
            )
        outcome = self._requests.apply(record.key, lifecycle.join(call.listener))
        now_stored = outcome.current if isinstance(outcome, Refused) else outcome.record
        return now_stored if now_stored is not None else record

    def _follow(self, call: Call, record: RequestRecord) -> str:
        is_new = not is_final(record.status) and not hears(record, call.origin.connection_id)
        if is_new and record.progress is not None:
            # Before joining: what is told of it afterwards can only be newer, so progress never goes back.
            call.reply(messages.progress(record.request_id, record.progress, now=call.now))
        record = self.join(call, record)
        is_over = is_final(record.status)
        answer = _response(call, {**answers.state(record), "subscribed": not is_over})
        if not is_over:
            return answer
        call.reply(answer)
        return answers.final(record, now=call.now)

    def _own(self, call: Call, request_id: str) -> RequestRecord:
        return call.living(self._requests.get(call.own(request_id)), request_id)

    def _authorize(self, call: Call, topic: Topic, operation: str) -> None:
        allows = self._app.topic_rule
        details = None
        if allows is not None:
            allowed = allows(call.principal, topic.name, operation)
            require_verdict(allowed, "authorize_topic")
        else:
            # Whoever is in a tenant may hear its topics; speaking to everyone takes more.
            allowed = operation == "subscribe" or PUBLISH_PERMISSION in call.principal.permissions
            details = {"missing": [PUBLISH_PERMISSION]}
        if not allowed:
            message = f"you may not {operation} to topic {topic.name!r}"
            raise ActionError(message, code=ErrorCode.FORBIDDEN, details=details)


def _response(call: Call, data: dict[str, Any]) -> str:
    return messages.response(call.message.request_id, messages.to_json(data), now=call.now)

"""App: the registry of actions that users write, and the one place both router and processor look them up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamer.actions import Action, DeclaredTopic, is_async, progress_parameter
from streamer.aws_limits import FUNCTION_SECONDS, INTEGRATION_SECONDS
from streamer.errors import ConfigurationError
from streamer.limits import Limits
from streamer.protocol.messages import ACTION_NAME
from streamer.protocol.topics import TOPIC
from streamer.sending.connections import Connections

if TYPE_CHECKING:
    from streamer.context import Principal
    from streamer.sending.publisher import Delivery
    from streamer.sending.uploads import Uploads
    from streamer.topology import Bucket, Function, Permission, Queue, Table, Topology

QUEUE_THRESHOLD_SECONDS: Final = 5.0
"""Actions estimated to take longer than this are queued, unless the environment sets another threshold."""

BUILT_IN_ACTIONS: Final = frozenset(
    {"ping", "keep-alive", "health", "status", "cancel", "subscribe", "unsubscribe", "publish"}
)
"""Names that belong to the protocol; users' actions cannot take them."""

TopicRule = Callable[["Principal", str, str], bool]
"""Decides whether someone may do something with a topic: who, the topic's name, ``subscribe`` or ``publish``."""

_F = TypeVar("_F", bound=Callable[..., Any])
_R = TypeVar("_R", bound="TopicRule")


class App:
    """A service: its actions and what its functions need.

    Args:
        environment: Names of environment variables that the actions need, such as ``DATABASE_URL``. They reach the
            router and the processor, and their values are treated as secrets: never printed.
        authorize_topic: Decides who may subscribe and publish to which topic of their tenant. None: everyone may
            subscribe, and clients with the permission ``topics:publish`` may publish. What actions publish
            themselves is not asked about.
        limits: How much one connection and one user may ask for. None: as much as they like.
        tables: Tables of its own, which the actions may read and write. The emulator and the stack make them, with the
            service's table prefix before the name; ``orders`` is found by the variable ``ORDERS_TABLE``.
        queues: Queues of its own, which the actions may send to; the URL of ``jobs`` is in ``JOBS_QUEUE_URL``.
        buckets: Buckets of its own, which the actions may use; the name of ``documents`` is in ``DOCUMENTS_BUCKET``.
        access: Name of one of these tables, queues or buckets to ``"read"``, ``"write"`` or ``"both"``, which is what
            holds without it; or, where that differs, function to it, as ``{"orders": {"router": "read", "processor":
            "both"}}``: quick actions run in the router, queued ones in the processor.
        permissions: Whatever else the actions may do on AWS.
        authorizer: A Lambda authorizer of its own, which is asked who a client is, instead of tokens being verified.
            Its policy lets in; of its context ``user_id`` (else its ``principalId``) is who, ``tenant_id`` of which
            tenant, ``permissions``, separated by blanks or commas, what is allowed.
        identity_sources: What a client must bring for the authorizer to be asked at all, such as
            ``route.request.querystring.token``.
        iam: Whether handshakes are signed with AWS credentials instead (``AWS_IAM``); the user is then their ARN, the
            tenant their account, and there are no permissions.
        title: What `streamer describe` calls the service. Empty: as its folder.
        version: The version of what it offers, for the same. Empty: 0.0.0.
        description: A sentence or more about it, for the same.
    """

    def __init__(
        self,
        *,
        environment: Iterable[str] = (),
        authorize_topic: TopicRule | None = None,
        limits: Limits | None = None,
        tables: Iterable[Table] = (),
        queues: Iterable[Queue] = (),
        permissions: Iterable[Permission] = (),
        buckets: Iterable[Bucket] = (),
        access: Mapping[str, str | Mapping[str, str]] | None = None,
        authorizer: Function | None = None,
        identity_sources: Iterable[str] = (),
        iam: bool = False,
        title: str = "",
        version: str = "",
        description: str = "",
    ) -> None:
        if isinstance(environment, str):
            raise ConfigurationError(f"App(environment={environment!r}) must be a sequence of names, not one string")
        self._environment = tuple(environment)
        self._limits = limits or Limits()
        self._tables, self._queues, self._permissions = tuple(tables), tuple(queues), tuple(permissions)
        self._buckets, self._access = tuple(buckets), dict(access or {})
        if authorizer is not None and iam:
            raise ConfigurationError("App(authorizer=..., iam=True): one of them lets clients in; leave out the other")
        self._authorizer, self._identity_sources, self._iam = authorizer, tuple(identity_sources), iam
        if self._identity_sources and authorizer is None:
            raise ConfigurationError("App(identity_sources=...) is about an authorizer; name one")
        self.title, self.version, self.description = title, version, description
        self._uploads: dict[str, Uploads] = {}
        self._actions: dict[str, Action] = {}
        self._topics: dict[str, DeclaredTopic] = {}
        self._topic_rule: TopicRule | None = None
        self._connections = Connections()
        if authorize_topic is not None:
            self.authorize_topic(authorize_topic)

    @property
    def environment(self) -> tuple[str, ...]:
        """Names of the environment variables that the actions need."""
        return self._environment

    @property
    def limits(self) -> Limits:
        """How much one connection and one user may ask for."""
        return self._limits

    @property
    def actions(self) -> Mapping[str, Action]:
        """All registered actions by name."""
        return MappingProxyType(self._actions)

    @property
    def topics(self) -> Mapping[str, DeclaredTopic]:
        """All topics that were declared, by name; there may be others."""
        return MappingProxyType(self._topics)

    def topic(self, name: str, *, data: Any = None, description: str = "") -> None:
        """Declare a topic that the service publishes to, for `streamer describe`; publishing needs no declaration.

        Args:
            name: The topic's name.
            data: What is published: a Pydantic model, a TypedDict, another type, or a JSON Schema. None: not told.
            description: A sentence about it.

        Raises:
            ConfigurationError: it is no name of a topic, or it is declared already.
        """
        if TOPIC.fullmatch(name) is None:
            raise ConfigurationError(f'{name!r} cannot be a topic; it takes 1 to 128 letters, digits and "._:/-"')
        if name in self._topics:
            raise ConfigurationError(f"topic {name!r} is declared twice")
        self._topics[name] = DeclaredTopic(name=name, data=data, description=description)

    @property
    def topic_rule(self) -> TopicRule | None:
        """Who may do what with topics; None: the default."""
        return self._topic_rule

    def authorize_topic(self, rule: _R) -> _R:
        """Let a function decide who may subscribe and publish to which topic; also a decorator.

        It is called with the principal, the topic's name and ``subscribe`` or ``publish``, and returns whether that is
        allowed; it may raise `ActionError` to say why not.

        Raises:
            ConfigurationError: it is ``async def``, or another function decides already.
        """
        if is_async(rule):
            raise ConfigurationError("authorize_topic must be a plain function, not async def")
        if self._topic_rule is not None:
            raise ConfigurationError("authorize_topic is given twice; one function decides about all topics")
        self._topic_rule = rule
        return rule

    @property
    def connections(self) -> Connections:
        """The connections of the tenant for which an action runs: send, broadcast, is_active."""
        return self._connections

    def publish(self, topic: str, data: Any) -> Delivery:
        """Send data to all subscribers of a topic of the tenant for which an action runs.

        See `Connections` for where this works and what it raises; the result says who could not be reached.
        """
        return self._connections.broadcast(data, topic=topic)

    def action(
        self,
        name: str,
        *,
        estimated_duration: float = 0,
        queued: bool | None = None,
        permissions: Iterable[str] = (),
        max_attempts: int = 1,
        validator: Any = None,
        timeout_seconds: float | None = None,
        cancel_on_disconnect: bool = False,
        schema: Any = None,
        result: Any = None,
        deprecated: bool = False,
        examples: Iterable[Any] = (),
    ) -> Callable[[_F], _F]:
        """Register a function as an action; the function itself stays as it is.

        A quick action is ``f(request)`` and runs in the router, which answers with what it returns. A slow one is
        ``f(request, progress)`` and is queued: stored first, then run by the processor. Both may be ``async def``.

        Args:
            name: What clients call; letters, digits, ``.``, ``_`` and ``-``, at most 64.
            estimated_duration: Seconds it usually takes; above 5 (strictly) it is queued.
            queued: True or False to decide it regardless of the estimate.
            permissions: A caller needs all of them.
            max_attempts: How often a queued action is tried at most.
            validator: Checks the payload before anything else happens: a plain callable, not ``async def``, that raises
                ValueError (or returns the payload to use instead), or a Pydantic model class, of which the action then
                gets an instance.
            timeout_seconds: How long one run may take. None: as long as the function has.
            cancel_on_disconnect: Whether a queued request is cancelled when nobody has been listening to it for half
                a minute: the connection it came from is closed, and no other has subscribed.
            schema: How its payload looks, for `streamer describe`: a JSON Schema, or a type. Checks nothing.
                None: as the validator says, where it is a Pydantic model.
            result: How its result looks, likewise. None: as the function is annotated.
            deprecated: Whether callers should use another one; told by `streamer describe`.
            examples: Payloads, for the same.

        Raises:
            ConfigurationError: any of this cannot be; the message says what to change.
        """
        self._check_name(name)
        if isinstance(permissions, str):
            raise ConfigurationError(f"action {name!r}: permissions must be a sequence of names, not one string")
        _check_numbers(name, estimated_duration, max_attempts, timeout_seconds)
        _check_validator(name, validator)
        wanted = frozenset(permissions)

        def register(function: _F) -> _F:
            action = Action(
                name=name,
                function=function,
                estimated_duration=estimated_duration,
                queued=queued,
                permissions=wanted,
                max_attempts=max_attempts,
                validator=validator,
                timeout_seconds=timeout_seconds,
                cancel_on_disconnect=cancel_on_disconnect,
                progress_parameter=progress_parameter(name, function),
                schema=schema,
                result=result,
                deprecated=deprecated,
                examples=tuple(examples),
            )
            if action.progress_parameter == "required" and _is_declared_quick(action):
                raise ConfigurationError(
                    f"action {name!r} takes progress, but is quick: pass queued=True, "
                    f"or an estimated_duration above {QUEUE_THRESHOLD_SECONDS:g}"
                )
            _check_use(action)
            self._check_name(name)
            self._actions[name] = action
            return function

        return register

    def uploads(
        self,
        action: str = "upload",
        *,
        bucket: str = "uploads",
        largest_bytes: int = 20 * 1024 * 1024,
        content_types: Iterable[str] = (),
        permissions: Iterable[str] = (),
        page_origins: Iterable[str] = ("*",),
        kept_days: int = 1,
        link_seconds: int = 300,
    ) -> Uploads:
        """Let clients upload what no message holds, and actions read it.

        It registers a quick action, which `StreamerClient.upload` and its JavaScript counterpart ask for a link, and
        makes a private bucket, here and on AWS, in which every user has a place of their own.

        Args:
            action: Its name.
            bucket: Name of the bucket, found by the variable ``UPLOADS_BUCKET``.
            largest_bytes: Most bytes of one upload, at most 5 GB; the emulator takes 128 MB.
            content_types: What may be uploaded, such as ``text/csv`` or ``image/*``; none: anything. It is what the
                client says: an action that reads an upload looks itself.
            permissions: Who may upload; a caller needs all of them.
            page_origins: Origins of the web pages that may, such as ``https://app.example.com``. ``*``: any, which
                gives nothing away, since no page gets a link without its user's token.
            kept_days: Days after which an upload is deleted.
            link_seconds: How long a link may be used.

        Raises:
            ConfigurationError: any of this cannot be; the message says what to change.
        """
        from streamer.sending.uploads import LINK, Rules, Uploads  # noqa: PLC0415 - services without uploads need none

        if bucket in self._uploads:
            raise ConfigurationError(f"bucket {bucket!r} has uploads already; name another with bucket=")
        rules = Rules(largest_bytes=largest_bytes, content_types=_several("content_types", content_types))
        uploads = Uploads(
            bucket=bucket,
            rules=rules,
            page_origins=_several("page_origins", page_origins),
            kept_days=kept_days,
            link_seconds=link_seconds,
        )
        register = self.action(action, queued=False, permissions=permissions, schema=rules.schema(), result=LINK)
        register(uploads.link)
        self._uploads[bucket] = uploads
        return uploads

    def find(self, name: str) -> Action | None:
        """The action of that name, or None."""
        return self._actions.get(name)

    def topology(
        self,
        *,
        target: str,
        table_prefix: str = "streamer_",
        stage: str = "dev",
        environment: Mapping[str, str] | None = None,
    ) -> Topology:
        """What this service consists of: four functions, five routes, three tables, a stream, and what is its own.

        Args:
            target: Where this App is, as ``module:attribute``; the functions load it from there.
            table_prefix: Put before the tables' names.
            stage: Name of the API's stage.
            environment: Values of the variables the functions need (the service's own and `App.environment`).
                Others in it are ignored.

        Raises:
            ConfigurationError: a variable that the App needs has no value, or a name is taken.
            TopologyError: something of it is nothing that AWS takes.
        """
        # Deploying and emulating need it, answering a message does not: a cold start should not pay for it.
        from streamer.service import Own, describe  # noqa: PLC0415
        from streamer.topology import Bucket  # noqa: PLC0415 - as above

        uploaded = [
            Bucket(name=each.bucket, page_origins=each.page_origins, kept_days=each.kept_days)
            for each in self._uploads.values()
        ]
        return describe(
            target=target,
            table_prefix=table_prefix,
            stage=stage,
            needed=self.environment,
            environment=environment or {},
            own=Own(
                tables=self._tables,
                queues=self._queues,
                buckets=(*self._buckets, *uploaded),
                access=self._access,
                permissions=self._permissions,
                authorizer=self._authorizer,
                identity_sources=self._identity_sources,
                iam=self._iam,
            ),
        )

    def _check_name(self, name: Any) -> None:
        if callable(name):
            raise ConfigurationError('an action needs a name; write @app.action("name") instead of @app.action')
        if not isinstance(name, str) or ACTION_NAME.fullmatch(name) is None:
            raise ConfigurationError(
                f'{name!r} cannot be the name of an action; it takes 1 to 64 letters, digits, ".", "_" and "-"'
            )
        if name in BUILT_IN_ACTIONS:
            raise ConfigurationError(f"{name!r} is a built-in action; choose another name")
        if name in self._actions:
            raise ConfigurationError(f"action {name!r} is registered twice; names must be unique")


def _several(name: str, given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise ConfigurationError(f"uploads: {name} must be a sequence of texts, not one string")
    return tuple(given)


def _is_declared_quick(action: Action) -> bool:
    return action.queued is False or (action.queued is None and action.estimated_duration <= QUEUE_THRESHOLD_SECONDS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OF_FIELDS: Final = ("__dataclass_fields__", "__struct_fields__", "__attrs_attrs__", "__required_keys__", "_fields")
"""What dataclasses, Structs of msgspec, classes of attrs, TypedDicts and named tuples have."""


def _check_validator(name: str, validator: Any) -> None:
    if validator is not None and not callable(validator):
        raise ConfigurationError(f"action {name!r}: validator must be a callable or a Pydantic model class")
    if is_async(validator):
        raise ConfigurationError(f"action {name!r}: validator must be a plain function, not async def")
    is_model = callable(getattr(validator, "model_validate", None))
    if isinstance(validator, type) and not is_model and any(hasattr(validator, each) for each in _OF_FIELDS):
        raise ConfigurationError(
            f"action {name!r}: validator is {validator.__name__}, which is made of its fields and not of a "
            "payload; write a function that makes one of the payload, or a Pydantic model"
        )


def _check_numbers(name: str, estimated_duration: float, max_attempts: Any, timeout_seconds: float | None) -> None:
    # Written so that NaN fails as well.
    if not (_is_number(estimated_duration) and estimated_duration >= 0):
        raise ConfigurationError(
            f"action {name!r}: estimated_duration must be 0 or more seconds, not {estimated_duration!r}"
        )
    if isinstance(max_attempts, bool) or not isinstance(max_attempts, int) or max_attempts < 1:
        raise ConfigurationError(f"action {name!r}: max_attempts must be a whole number from 1")
    if timeout_seconds is not None and not (_is_number(timeout_seconds) and timeout_seconds > 0):
        raise ConfigurationError(
            f"action {name!r}: timeout_seconds must be more than 0, or None for no limit, not {timeout_seconds!r}"
        )
    for seconds in (estimated_duration, timeout_seconds or 0):
        if seconds > FUNCTION_SECONDS:
            raise ConfigurationError(
                f"action {name!r}: {seconds:g} s are more than the {FUNCTION_SECONDS:g} that Lambda lets a function run"
            )


def _check_use(action: Action) -> None:
    """Refuse what has no effect, whatever a deployment calls slow."""
    if action.is_queued(0):
        return
    seconds = action.timeout_seconds
    for is_given, text in (
        (action.max_attempts > 1, "max_attempts"),
        (action.cancel_on_disconnect, "cancel_on_disconnect"),
        (seconds is not None and seconds > INTEGRATION_SECONDS, f"a timeout above {INTEGRATION_SECONDS:g} s"),
    ):
        if is_given:
            raise ConfigurationError(
                f"action {action.name!r} is quick, and {text} is for queued ones; pass queued=True to make it one"
            )

"""What an execution environment shows a function: its variables, and the names in them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from streamer.aws_limits import LOOPBACK
from streamer.stores.names import bucket_variable
from streamer.topology import Function, Topology, queue_url_variable

from ..foundation.place import ACCOUNT_ID, REGION, arn_of
from ..iam.keys import Keys, as_owner
from ..port.aws_names import SUFFIXES, SYNC, service_url

if TYPE_CHECKING:
    import random

VERSION: Final = "$LATEST"
"""The version of a function that is invoked where none is named."""

HOSTED: Final = (
    *("COGNITO_IDENTITY_PROVIDER", "EVENTBRIDGE", "KINESIS", "KMS", "S3", "SCHEDULER", "SECRETS_MANAGER"),
    *("SFN", "SNS", "SSM", "STS"),
)
"""Services of a process of ours, as `Endpoints.services` has them; see docs/services.md."""
LEADS_HOME: Final = "STREAMER_LEADS_HOME"
"""Tells a function's process where AWS's names lead; see `processes.home`."""

_QUEUES_AT: Final = "AWS_ENDPOINT_URL_SQS"

OWNER: Final = Keys(
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106 - AWS's documentation example
    session_token="local",  # noqa: S106 - not a secret: nothing checks it
)
"""The account's owner, who may do everything."""


class Endpoints(Struct, frozen=True, kw_only=True):
    """Where functions find AWS, and as whom."""

    services: Mapping[str, str] = field(default_factory=dict)
    """Service as botocore spells it in variables (``DYNAMODB``, ``DYNAMODB_STREAMS``, ``LAMBDA``, ``SQS``) to URL."""
    ca_bundle: str | None = None
    """File with the certificate that functions trust; None: the system's."""
    ca_file: str | None = None
    """The emulator's authority alone, for those who add to what they trust."""
    home: tuple[str, int] | None = None
    """Host and port to which AWS's names lead; None: they lead to AWS."""
    names: tuple[str, ...] = ()
    """Further names that lead there: custom domains."""
    region: str = REGION
    account_id: str = ACCOUNT_ID
    owner: Keys = OWNER
    keys: Mapping[str, Keys] = field(default_factory=dict)
    """Function to what it signs with; functions that are absent sign as the owner."""

    def keys_of(self, function: str) -> Keys:
        """What a function signs with."""
        return self.keys.get(function) or as_owner(self.owner, function)

    def credentials(self, function: str) -> dict[str, str]:
        """The variables that make a function sign as itself."""
        return credentials(self.keys_of(function))


def credentials(keys: Keys) -> dict[str, str]:
    """The variables that make SDKs sign with these."""
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_SESSION_TOKEN": keys.session_token,
    }


def function_arn(function: str, endpoints: Endpoints) -> str:
    """The ARN of a function, unqualified."""
    return arn_of("lambda", endpoints.region, endpoints.account_id, f"function:{function}")


def log_group_name(function: str) -> str:
    """The function's CloudWatch log group."""
    return f"/aws/lambda/{function}"


def log_stream_name(now: datetime, randomness: random.Random, version: str = VERSION) -> str:
    """The log stream of one environment: date, version, 32 hex digits. [REC] ls-snap (H12)"""
    return f"{now:%Y/%m/%d}/[{version}]{randomness.getrandbits(128):032x}"


def trace_id(now_seconds: float, randomness: random.Random) -> str:
    """The X-Ray header of one invocation, not sampled. [REC] ls-snap (H13)"""
    root, parent = randomness.getrandbits(96), randomness.getrandbits(64)
    return f"Root=1-{int(now_seconds):08x}-{root:024x};Parent={parent:016x};Sampled=0"


def name_and_qualifier(function: str) -> tuple[str, str | None]:
    """A function's name, and the version or alias behind it; None: there is none."""
    name, _, qualifier = function.partition(":")
    return name, qualifier or None


def version_of(function: Function, qualifier: str | None) -> str:
    """The version that a qualifier, or None, stands for; one that nobody described is taken for ``$LATEST``."""
    return function.qualifiers.get(qualifier or VERSION, VERSION)


def invoked(topology: Topology) -> list[str]:
    """The names, some with a qualifier, by which a topology's parts invoke functions; in no order, some twice."""
    apis = topology.all_apis()
    routes = [route for api in apis for route in api.routes]
    found: list[str | None] = [each.function for each in routes]
    found += [each.integration.function for each in routes if each.integration is not None]
    found += [each.function for api in apis for each in api.authorizers]
    for web in topology.http_apis:
        found += [*(each.function for each in web.routes), *(each.function for each in web.authorizers)]
    found += [
        *(each.function for each in topology.event_source_mappings),
        *(each.function for each in topology.schedules),
        *(each.function for each in topology.kinesis_mappings),
        *(each.function for each in topology.queue_mappings),
    ]
    return [each for each in found if each]


def new_request_id(randomness: random.Random) -> str:
    """An ``aws_request_id``: a version 4 UUID. [DOC] lambda-docs:python-context"""
    return uuid4(randomness.getrandbits(128))


def uuid4(bits: int) -> str:
    """The version 4 UUID of 128 random bits. RFC 9562, section 5.4"""
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) % 4]}{text[17:20]}-{text[20:]}"


def variables(
    function: Function, endpoints: Endpoints, *, runtime: str, task_root: str, log_stream: str, version: str = VERSION
) -> dict[str, str]:
    """The environment variables of a function: Lambda's, its own, and the endpoints'. [REC] ls-snap (H12)

    ``runtime`` is the name of what runs it, as Lambda would call it.

    A function may overwrite everything but the names Lambda reserves, whose values therefore come last.
    ``PATH``, ``PYTHONPATH`` and ``LD_LIBRARY_PATH`` are left to this machine, where Lambda's paths do not exist.
    """
    return {
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "TZ": ":UTC",
        "SHLVL": "0",
        "PWD": task_root,
        **_queue_urls(function, endpoints),
        **{bucket_variable(bucket): bucket for bucket in function.buckets},
        **function.environment,
        **{name: url for name, url in _endpoint_variables(endpoints).items() if not _is_elsewhere(function, name)},
        **_reserved_variables(function, endpoints, runtime, task_root, log_stream),
        "AWS_LAMBDA_FUNCTION_VERSION": version,
    }


def _queue_urls(function: Function, endpoints: Endpoints) -> dict[str, str]:
    at = endpoints.services.get("SQS")
    queues = function.sends_to if at is not None else ()
    return {queue_url_variable(queue): f"{at}/{endpoints.account_id}/{queue}" for queue in queues}


def home_variables(function: Function, endpoints: Endpoints, *, by_proxy: bool = False) -> dict[str, str]:
    """The variables by which a process finds the emulator under AWS's names; the function's own win.

    SDKs that read it ask every service at ``AWS_ENDPOINT_URL``, without TLS; for all else, names are led. ``by_proxy``:
    programs in which nothing of ours runs are told of a proxy.
    """
    if endpoints.home is None:
        return {}
    host, port = endpoints.home
    found = {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    if endpoints.ca_bundle is not None:
        found |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), endpoints.ca_bundle)
    if endpoints.ca_file is not None:
        found["NODE_EXTRA_CA_CERTS"] = endpoints.ca_file
    if by_proxy:
        found |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), f"http://{host}:{port}")
        found |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join((*LOOPBACK, host)))
    found = {name: value for name, value in found.items() if name not in function.environment}
    return {**found, LEADS_HOME: " ".join((host, str(port), *SUFFIXES, f"{SYNC}{host}", *endpoints.names))}


def queue_variables(function: Function, endpoints: Endpoints) -> dict[str, str]:
    """Where the SDK for JavaScript finds SQS; the function's own variables win.

    It asks a queue at the queue's URL, and writes a warning with each message where SQS is said to be elsewhere, as it
    never is on AWS. A template's queues have AWS's URLs, which lead to the emulator.
    """
    is_said = any(name in function.environment for name in ("AWS_ENDPOINT_URL", _QUEUES_AT))
    if endpoints.home is None or is_said or function.sends_to:
        return {}
    return {_QUEUES_AT: service_url("sqs", endpoints.region)}


def _is_elsewhere(function: Function, name: str) -> bool:
    """Whether the function names an endpoint itself, other than its own API on AWS, as deployed templates do."""
    if name.removeprefix("AWS_ENDPOINT_URL_") in HOSTED and "AWS_ENDPOINT_URL" in function.environment:
        return True
    return name in function.environment and ".execute-api." not in function.environment[name]


def _endpoint_variables(endpoints: Endpoints) -> dict[str, str]:
    urls = {f"AWS_ENDPOINT_URL_{service}": url for service, url in endpoints.services.items()}
    return urls if endpoints.ca_bundle is None else {**urls, "AWS_CA_BUNDLE": endpoints.ca_bundle}


def _reserved_variables(
    function: Function, endpoints: Endpoints, runtime: str, task_root: str, log_stream: str
) -> dict[str, str]:
    # [DOC] lambda-docs:configuration-envvars: these keys cannot be set in a function's configuration.
    return {
        "AWS_REGION": endpoints.region,
        "AWS_DEFAULT_REGION": endpoints.region,
        **endpoints.credentials(function.name),
        # [DOC] lambda-docs:configuration-envvars: a custom runtime has none.
        **({} if runtime.startswith("provided") else {"AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}"}),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group_name(function.name),
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": task_root,
        "_HANDLER": function.handler,
    }

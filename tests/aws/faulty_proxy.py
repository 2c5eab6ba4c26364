"""A proxy before an emulated AWS at which a chosen request goes wrong: refused, not arrived, or its answer lost.

Where MiniStack is lenient it is as strict as AWS: a change set's name serves once, and a change set is executed once.
"""

from __future__ import annotations

import contextlib
import enum
import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

SECONDS = 30
_PATHS = (
    (re.compile(r"/2015-03-31/functions/[^/]+"), "GetFunction"),
    (re.compile(r"/2015-03-31/event-source-mappings/[^/]+"), "GetEventSourceMapping"),
    (re.compile(r"/v2/apis/[^/]+/routes"), "GetRoutes"),
    (re.compile(r"/v2/apis/[^/]+/integrations"), "GetIntegrations"),
    (re.compile(r"/v2/apis/[^/]+/stages/[^/]+"), "GetStage"),
    (re.compile(r"/v2/apis/[^/]+"), "GetApi"),
    (re.compile(r"/account"), "GetAccount"),
)
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


class Fault(enum.Enum):
    """What happens to a request."""

    REFUSED = "refused"
    EXPIRED = "token expired"
    UNSENT = "not arrived"
    LOST = "answer lost"
    INTERRUPTED_BEFORE = "Ctrl-C, not arrived"
    INTERRUPTED_AFTER = "Ctrl-C, arrived"
    TERMINATED_BEFORE = "SIGTERM, not arrived"
    TERMINATED_AFTER = "SIGTERM, arrived"

    @property
    def is_signal(self) -> bool:
        """Whether whoever asks is stopped."""
        return self.value.startswith(("Ctrl-C", "SIGTERM"))

    @property
    def arrives(self) -> bool:
        """Whether AWS does what it is asked for."""
        return self in (Fault.LOST, Fault.INTERRUPTED_AFTER, Fault.TERMINATED_AFTER)


@dataclass(frozen=True)
class Moment:
    """A request: the ``number``-th of an operation, from 1."""

    operation: str
    number: int

    @property
    def is_question(self) -> bool:
        """Whether it changes nothing."""
        return self.operation.startswith(("Describe", "Get", "Head", "List"))


@dataclass
class Asked:
    """One request to AWS."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        if "form" not in self.headers.get("Content-Type", ""):
            return {}
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def operation(self) -> str:
        if "Action" in self.form:
            return self.form["Action"]
        if "X-Amz-Target" in self.headers:
            return self.headers["X-Amz-Target"].rpartition(".")[2]
        parts = urlsplit(self.path)
        for pattern, name in _PATHS:
            if pattern.fullmatch(parts.path):
                return name
        what = "Object" if parts.path.strip("/").count("/") else "Bucket"
        return f"{self.method.capitalize()}{what}{parts.query.partition('=')[0].capitalize()}"

    @property
    def of_named_stack(self) -> Asked:
        """The same about the stack of the name, where an id is named."""
        found = re.fullmatch(r"arn:[^/]*:stack/([^/]+)/.*", self.form.get("StackName", ""))
        if found is None:
            return self
        body = urlencode({**self.form, "StackName": found[1]}).encode()
        return Asked(self.method, self.path, self.headers, body)

    @property
    def refusal(self) -> tuple[int, bytes, str]:
        """Status, body and type of AWS's answer to whoever may not do this."""
        return self.error(403, "AccessDenied", f"User: u is not authorized to perform: {self.operation}")

    @property
    def expiry(self) -> tuple[int, bytes, str]:
        """Status, body and type of AWS's answer to whoever's session is over."""
        return self.error(403, "ExpiredToken", "The security token included in the request is expired")

    def error(self, status: int, code: str, message: str) -> tuple[int, bytes, str]:
        if self.form:
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            return status, f"<ErrorResponse>{error}</ErrorResponse>".encode(), "text/xml"
        if re.search("Bucket|Object", self.operation):
            text = (
                b""
                if self.method == "HEAD"
                else f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            )
            return status, text, "application/xml"
        said = {"__type": f"{code}Exception", "message": message}
        return status, json.dumps(said).encode(), "application/x-amz-json-1.1"


@dataclass
class FaultyProxy:
    """What goes wrong, and what was asked."""

    upstream: tuple[str, int]
    url: str = ""
    when: Callable[[Moment], Fault | None] = lambda moment: None
    then: Callable[[Moment], None] = lambda moment: None
    """Called after a request arrived, before it is answered."""
    names_stacks: bool = False
    """Whether every id of a stack stands for the stack of that name, as on AWS, where all first change sets of a name
    belong to one stack. MiniStack makes one for each."""
    stop: Callable[[Fault], None] = lambda fault: None
    """Stops whoever asks, and returns once that has happened."""
    asked: list[Moment] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _done: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(
        self,
        when: Callable[[Moment], Fault | None] = lambda moment: None,
        then: Callable[[Moment], None] = lambda moment: None,
    ) -> None:
        """Count anew, with other faults."""
        with self._lock:
            self.when, self.then, self.names_stacks = when, then, False
            self.asked.clear()
            self._counts.clear()

    def note(self, asked: Asked) -> Moment:
        with self._lock:
            self._counts[asked.operation] += 1
            moment = Moment(asked.operation, self._counts[asked.operation])
            self.asked.append(moment)
        return moment

    def strictness(self, asked: Asked) -> tuple[int, bytes, str] | None:
        """AWS's refusal of what MiniStack would do twice."""
        name = asked.form.get("ChangeSetName", "")
        key = (asked.operation, name)
        with self._lock:
            is_repeated = key in self._done
            self._done.add(key)
        if not is_repeated:
            return None
        match asked.operation:
            case "CreateChangeSet":
                return asked.error(400, "AlreadyExistsException", f"ChangeSet {name} already exists")
            case "ExecuteChangeSet":
                why = "cannot be executed in its current execution status of [EXECUTE_COMPLETE]"
                return asked.error(400, "InvalidChangeSetStatus", f"ChangeSet [{name}] {why}")
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(self.command, self.path, dict(self.headers.items()), body)
        proxy = self.server.proxy
        moment = proxy.note(asked)
        fault = proxy.when(moment)
        if fault in (Fault.REFUSED, Fault.EXPIRED):
            status, text, kind = asked.refusal if fault is Fault.REFUSED else asked.expiry
            self._answer(status, text, {"Content-Type": kind})
            return
        if fault is None or fault.arrives:
            status, text, headers = self._forwarded(asked)
        proxy.then(moment)
        if fault is None:
            self._answer(status, text, headers)
            return
        if fault.is_signal:
            proxy.stop(fault)
        self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _do  # noqa: N815 - http.server looks for these names

    def _forwarded(self, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
        refused = self.server.proxy.strictness(asked)
        if refused is not None:
            return refused[0], refused[1], {"Content-Type": refused[2]}
        asked = asked.of_named_stack if self.server.proxy.names_stacks else asked
        dropped = ("expect", "connection", "content-length")
        kept = {name: value for name, value in asked.headers.items() if name.lower() not in dropped}
        with contextlib.closing(http.client.HTTPConnection(*self.server.proxy.upstream, timeout=SECONDS)) as upstream:
            upstream.request(asked.method, asked.path, asked.body, kept)
            answer = upstream.getresponse()
            return answer.status, answer.read(), dict(answer.headers.items())

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: FaultyProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy


@contextmanager
def faulty_proxy(url: str) -> Iterator[FaultyProxy]:
    """A proxy before an AWS at ``url``, while the block runs."""
    parts = urlsplit(url)
    proxy = FaultyProxy((str(parts.hostname), int(parts.port or 80)))
    with _Server(proxy) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join(SECONDS)

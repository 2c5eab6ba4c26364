"""What is measured, what it has to reach, and what the peers' published figures are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    title: str
    unit: str
    higher_is_better: bool = False
    at_most: float | None = None
    at_least: float | None = None
    against_best_peer: float | None = None
    """How many times as good as the best peer of the same run: 1.0 is as good, 3.0 three times as good."""
    peers_row: str = ""
    """The peers' figure that ours is compared with; empty: that of this row."""
    kind: str = ""
    """Which peers it is compared with, by `Server.kinds`; empty: with all."""
    reference: str = ""
    """What peers were measured to do before, on a machine of two cores; used where none is installed."""
    reference_value: float | None = None

    @property
    def requirement(self) -> str:
        """For people."""
        if self.against_best_peer is not None:
            best = f"the best peer {self.kind}".rstrip()
            return best if self.against_best_peer == 1 else f"{self.against_best_peer:g} x {best}"
        if self.at_most is not None:
            return f"at most {shown(self.at_most, self.unit)}"
        if self.at_least is not None:
            return f"at least {shown(self.at_least, self.unit)}"
        return ""

    def is_reached(self, value: float, best_peer: float | None) -> bool | None:
        """Whether a figure is good enough; None: nothing is demanded, or there is nothing to compare it with."""
        if self.against_best_peer is not None:
            compared = best_peer if best_peer is not None else self.reference_value
            return None if compared is None else self.ratio(value, compared) >= self.against_best_peer
        if self.at_most is not None:
            return value <= self.at_most
        if self.at_least is not None:
            return value >= self.at_least
        return None

    def ratio(self, value: float, other: float) -> float:
        """How many times as good a figure is as another one."""
        better, worse = (value, other) if self.higher_is_better else (other, value)
        return better / worse if worse else float("inf")


def shown(value: float, unit: str) -> str:
    """A figure with its unit."""
    if value == float("inf"):
        return "failed"
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


ROWS: Final = (
    Row(name="help", title="`streamer --help`", unit="ms", at_most=80),
    Row(name="call", title="`streamer call` to a running emulator", unit="ms", at_most=120),
    Row(name="ready", title="start of the command to ready", unit="ms", at_most=250, reference="200-2,400 ms"),
    Row(name="first-message", title="ready until the first client has its first answer", unit="ms", at_most=60),
    Row(
        name="echo",
        title="echo through @connections, the user's own SDK client, p50",
        unit="ms",
        against_best_peer=1,
        reference="1.7-2.5 ms Node in-process, 2.3-2.9 ms Python",
        reference_value=1.7,
    ),
    Row(
        name="echo-sender",
        title="the same with the runtime's own sender, p50",
        unit="ms",
        against_best_peer=2,
        peers_row="echo",
        reference_value=1.7,
    ),
    Row(
        name="process-above-inline",
        title="the same, process isolation above inline",
        unit="ms",
        at_most=1.5,
    ),
    Row(
        name="throughput",
        title="echoes of 50 connections (ours: the runtime's sender)",
        unit="/s",
        higher_is_better=True,
        against_best_peer=1.5,
        reference="790-960/s Node in-process, 344-363/s Python",
        reference_value=960,
    ),
    Row(
        name="throughput-apart",
        title="the same beside those that run each function apart, as Lambda does",
        unit="/s",
        higher_is_better=True,
        against_best_peer=3,
        peers_row="throughput",
        kind="that runs functions apart",
    ),
    Row(
        name="throughput-boto3",
        title="the same with boto3, beside those that run Python",
        unit="/s",
        higher_is_better=True,
        against_best_peer=2,
        peers_row="throughput",
        kind="that runs Python",
        reference_value=363,
    ),
    Row(
        name="connects",
        title="1,000 connects, 50 at once, trivial $connect",
        unit="s",
        against_best_peer=1,
        reference="0.94 s Node in-process, 5.9 s Python",
        reference_value=0.94,
    ),
    Row(
        name="connects-jwt",
        title="1,000 connects with JWT and a row in the embedded DynamoDB",
        unit="/s",
        higher_is_better=True,
        at_least=400,
    ),
    Row(
        name="sleepers",
        title="ten connections, a handler that sleeps 300 ms",
        unit="s",
        at_most=0.35,
        reference="0.32 s Node in-process, 0.54 s Python",
    ),
    Row(
        name="burst-rss",
        title="1,000 connect, echo, disconnect at once: peak RSS",
        unit="MB",
        at_most=400,
        reference="358 MB Node in-process, 3,400-22,000 MB Python",
    ),
    Row(name="burst-pss", title="the same: peak PSS (shared pages counted once)", unit="MB", at_most=400),
    Row(name="burst-processes", title="the same: most processes", unit="", reference="1 Node, 143-1,230 Python"),
    Row(name="burst-seconds", title="the same: time until all are done", unit="s"),
    Row(
        name="held-connects",
        title="10,000 connections with JWT and row: opened",
        unit="/s",
        higher_is_better=True,
        at_least=1000,
    ),
    Row(name="held-failures", title="10,000 connections: refused, unreached or rows left", unit="", at_most=0),
    Row(name="held-memory", title="10,000 connections: emulator memory for each, idle", unit="KB", at_most=8),
    Row(name="held-broadcast", title="10,000 connections: a broadcast reaches all", unit="s", at_most=1),
    Row(name="held-close", title="10,000 connections: all closed, no row left", unit="s", at_most=5),
    Row(
        name="stream",
        title="write to a table until the client has the message, p50",
        unit="ms",
        at_most=11,
        reference="11 ms MiniStack",
    ),
    Row(name="first-line", title="write to a table until the function's first line, p50", unit="ms", at_most=8),
    Row(name="queued", title="queued request, accepted to complete, p50", unit="ms", at_most=30),
    Row(name="check-cdk", title="`--check` of a CDK template of 500 resources", unit="ms", at_most=400),
    Row(name="resolve-cdk", title="the same: from its text to resolved resources", unit="ms", at_most=50),
    Row(name="ready-template", title="start of a template to ready, no SAM", unit="ms", at_most=600),
    Row(name="ready-sam", title="the same with SAM, never expanded before", unit="ms", at_most=800),
    Row(
        name="node-first",
        title="start of a SAM project with three functions in Node.js (SDK v3) to its first client, connected",
        unit="ms",
        at_most=800,
    ),
    Row(name="node-cold", title="first event of an environment of Node.js, nothing imported", unit="ms", at_most=50),
    Row(name="node-cold-sdk", title="the same with a client of SDK v3, required", unit="ms", at_most=130),
    Row(name="node-cold-module", title="the same, imported (ESM)", unit="ms", at_most=130),
    Row(name="node-call", title="an event of a warm one, over the Runtime API, p50", unit="ms", at_most=0.3),
    Row(name="node-memory", title="an environment of Node.js: RSS", unit="MB", at_most=45),
    Row(name="node-memory-sdk", title="the same with SDK v3, required", unit="MB", at_most=65),
    Row(name="node-memory-module", title="the same, imported (ESM)", unit="MB", at_most=65),
    Row(name="node-echo-kept", title="echo through SDK v3 in Node.js, TLS, a kept client, p50", unit="ms", at_most=3),
    Row(name="node-echo-each", title="the same, a client made for each message, p50", unit="ms", at_most=7),
    Row(name="save-python", title="a saved file of Python, until a message is answered by it", unit="ms", at_most=400),
    Row(name="save-javascript", title="the same for plain JavaScript", unit="ms", at_most=400),
    Row(name="save-template", title="the same for a template", unit="ms", at_most=500),
    Row(name="services-off", title="start of a template without services to ready", unit="ms", at_most=600),
    Row(name="services-ready", title="the same template with S3, SNS, EventBridge, a secret", unit="ms", at_most=1500),
    Row(name="services-memory", title="the process of those services: RSS", unit="MB", at_most=120),
    Row(name="services-first", title="first call to a service that nothing described", unit="ms", at_most=1500),
    Row(
        name="watched",
        title="the console watched and not: throughput lost to a reader of everything, by CPU",
        unit="%",
        at_most=10,
    ),
    Row(
        name="iam",
        title="rights of functions held against each call (`--iam enforce`) and not: throughput lost, by CPU",
        unit="%",
        at_most=10,
    ),
    Row(
        name="dynamodb",
        title="DynamoDB: writes, reads, updates, queries, deletes of 32 clients, harmonic mean",
        unit="/s",
        higher_is_better=True,
        against_best_peer=1,
        reference="8,200/s dynalite, 2,200/s MiniStack",
        reference_value=8200,
    ),
    Row(name="router-import", title="import of the router above boto3 with one client", unit="ms", at_most=60),
)
"""In the order of the table."""

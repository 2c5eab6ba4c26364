"""The document that the cost model writes: prices, what each step costs, and the first limit at each size."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from benchmarks.broadcasts import SENT_PER_SECOND, SHARDS, simulated

PRICE_LIST: Final = "public on-demand prices of us-east-1, first tier, without free tier, as of November 2025"
MESSAGES: Final = 1.00
"""Dollars for a million messages in or out, 32 KB each."""
CONNECTION_MINUTES: Final = 0.25
"""Dollars for a million."""
INVOCATIONS: Final = 0.20
"""Dollars for a million."""
GIGABYTE_SECONDS: Final = 13.3334
"""Dollars for a million, arm64, which is what ``streamer deploy`` chooses."""
WRITES: Final = 0.625
"""Dollars for a million write request units."""
READS: Final = 0.125
"""Dollars for a million read request units."""
LOG_GIGABYTE: Final = 0.50
"""Dollars for a gigabyte that CloudWatch Logs takes in."""
TRACES: Final = 5.00
"""Dollars for a million traces of X-Ray."""
TRACED: Final = 20
"""One in so many requests is traced: 5 % beyond the first of each second. [DOC] xray-docs: sampling"""
JSON_LINES_BYTES: Final = 670
"""Lambda's own lines of an invocation in JSON, with trace ids; estimated from its documented fields. [INF]"""
ACCESS_LOG_BYTES: Final = 256
"""A line of the access log that ``streamer deploy`` sets, estimated. [INF]"""
THROTTLE_RATE: Final = 500
"""Messages a second that a stage takes unless ``throttle_rate`` says otherwise."""

MEMORY_MB: Final = {"connect": 256, "disconnect": 256, "router": 512, "processor": 512}
BILLED_MS: Final = {"connect": 12.0, "disconnect": 15.0, "router": 8.0, "processor": 20.0}
"""Of a warm invocation, without the time that an action itself takes; assumed, see the document."""

CONNECTS_PER_SECOND: Final = 500
"""New connections of an account and Region. [DOC] apigw-docs quotas"""
REQUESTS_PER_SECOND: Final = 10_000
"""Requests of an account and Region, messages and ``@connections`` calls included. [DOC] apigw-docs limits"""
CONNECTION_SECONDS: Final = 7200
"""Longest life of a connection. [DOC] apigw-docs quotas"""
PING_SECONDS: Final = 540
"""How often a client has to say something so that its connection is not closed as idle after ten minutes."""
CHECKED: Final = 4
"""Each fourth time the JavaScript client sends a ping instead, whose answer tells it that the connection lives."""
PARTITION_WRITES: Final = 1000
"""Write units a second of one partition. [DOC] ddb-docs:bp-partition-key-design"""
LARGE: Final = "the same, payload of 25 KB"
LARGE_WRITES: Final = 204
"""Write units of the slow action with 25 KB while its payload was part of the request's item, counted as all others."""
BEFORE: Final[Mapping[str, float | None]] = {"quick": None, "slow": None, LARGE: 138.94, "ping": 3.32}
"""Dollars for a million before pings had a route of their own and payloads an item, counted by this program as well.
None: as it is."""
NAMES: Final = {LARGE: "slow, 5 progress messages, payload of 25 KB"}
MONTH_SECONDS: Final = 730 * 3600
SIZES: Final = (10_000, 100_000, 1_000_000)
BROADCASTS: Final = (1_000, *SIZES)


class Counts(Protocol):
    """What one step used; see `benchmarks.cost_model.Counts`."""

    calls: Counter[str]
    write_units: float
    read_units: float
    invocations: Counter[str]
    messages_in: int
    messages_out: int
    log_bytes: int
    platform_bytes: int


def dollars(counts: Counts) -> dict[str, float]:
    """Service to dollars for a million such steps."""
    seconds = sum(BILLED_MS[name] / 1000 * MEMORY_MB[name] / 1024 * n for name, n in counts.invocations.items())
    invocations = sum(counts.invocations.values())
    own_bytes = counts.log_bytes - counts.platform_bytes
    events = counts.messages_in + counts.invocations["connect"] + counts.invocations["disconnect"]
    log_bytes = own_bytes + invocations * JSON_LINES_BYTES + events * ACCESS_LOG_BYTES
    return {
        "API Gateway": (counts.messages_in + counts.messages_out) * MESSAGES,
        "Lambda": invocations * INVOCATIONS + seconds * GIGABYTE_SECONDS,
        "DynamoDB": counts.write_units * WRITES + counts.read_units * READS,
        "logs": log_bytes / 1000 * LOG_GIGABYTE,
        "traces": invocations / TRACED * TRACES,
    }


def document(steps: Mapping[str, Counts]) -> str:
    """The whole document, in Markdown."""
    parts = (
        _INTRODUCTION,
        _table(_COUNT_HEAD, [_count_line(name, counts) for name, counts in steps.items()]),
        _PRICES,
        _table(_COST_HEAD, [_cost_line(name, counts) for name, counts in steps.items()]),
        _IDLE,
        _table(_MONTH_HEAD, [_month_line(size, steps) for size in SIZES]),
        _BEFORE,
        _table(_BEFORE_HEAD, _before_lines(steps)),
        _LIMITS,
        _table(_LIMIT_HEAD, [_limit_line(size) for size in SIZES]),
        _advice(),
    )
    return "\n\n".join(_wrapped(block) for part in parts for block in part.strip().split("\n\n")) + "\n"


def _wrapped(block: str) -> str:
    """A paragraph in lines of a decent length; tables and headings stay as they are."""
    return block if block.startswith(("|", "#")) else textwrap.fill(" ".join(block.split()), 120)


_COUNT_HEAD: Final = (
    "step",
    "DynamoDB calls",
    "write units",
    "read units",
    "invocations",
    "messages in + out",
    "log bytes (Lambda's own)",
)
_COST_HEAD: Final = ("a million of", "API Gateway", "Lambda", "DynamoDB", "logs", "traces", "in all")
_MONTH_HEAD: Final = (
    "connections",
    "connection minutes",
    "renewals (connect + disconnect)",
    "keeping them open",
    "with a function for each ping",
    "in all, a month",
    "each, a month",
    "less",
)
_BEFORE_HEAD: Final = ("", "before", "now")
_BROADCAST_HEAD: Final = ("connections", "invocations", "queries", "rows held at most", "seconds")
_LIMIT_HEAD: Final = (
    "connections",
    "renewals a second",
    "kept open, a second",
    "all connect anew in",
    "a broadcast takes at least",
)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def _named(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"


def _count_line(name: str, counts: Counts) -> list[str]:
    return [
        name,
        _named(counts.calls),
        f"{counts.write_units:g}",
        f"{counts.read_units:g}",
        _named(counts.invocations),
        f"{counts.messages_in} + {counts.messages_out}",
        f"{round(counts.log_bytes, -1):,} ({round(counts.platform_bytes, -1):,})",
    ]


def _cost_line(name: str, counts: Counts) -> list[str]:
    costs = dollars(counts)
    return [name, *(f"${value:.2f}" for value in costs.values()), f"**${sum(costs.values()):.2f}**"]


def _month_line(size: int, steps: Mapping[str, Counts]) -> list[str]:
    minutes = size * MONTH_SECONDS / 60 / 1e6 * CONNECTION_MINUTES
    life = sum(dollars(steps["connect"]).values()) + sum(dollars(steps["disconnect"]).values())
    renewals = size * MONTH_SECONDS / CONNECTION_SECONDS / 1e6 * life
    said = size * MONTH_SECONDS / PING_SECONDS / 1e6
    one = {name: sum(dollars(steps[name]).values()) for name in ("keep-alive", "ping", "quick")}
    kept = said * (one["keep-alive"] * (CHECKED - 1) + one["ping"]) / CHECKED
    before = minutes + renewals + said * one["quick"]
    total = minutes + renewals + kept
    told = (f"${value:,.0f}" for value in (minutes, renewals, kept, before, total))
    return [f"{size:,}", *told, f"${total / size:.4f}", f"{100 * (before - total) / before:.0f} %"]


def _before_lines(steps: Mapping[str, Counts]) -> list[list[str]]:
    now = {name: sum(dollars(steps[name]).values()) for name in BEFORE}
    lines = [
        [f"a million of: {NAMES.get(name, name)}", f"${before or now[name]:,.2f}", f"${now[name]:,.2f}"]
        for name, before in BEFORE.items()
    ]
    *_, before_month, after_month, _, _ = _month_line(SIZES[-1], steps)
    held = [f"{SIZES[-1]:,} connections held for a month", before_month, after_month]
    everyone = ["a message to a million connections", "not possible: 465,000 filled 512 MB", _message_to_all(SIZES[-1])]
    return [*lines, held, everyone]


def _message_to_all(size: int) -> str:
    found = simulated(size, shards=SHARDS)
    sending = found.seconds * found.invocations * MEMORY_MB["processor"] / 1024 * GIGABYTE_SECONDS / 1e6
    reading = found.given_bytes / 8192 * READS / 1e6
    return f"${size / 1e6 * MESSAGES + sending + reading:,.2f}"


def _broadcast_line(size: int) -> list[str]:
    found = simulated(size, shards=SHARDS)
    return [f"{each:,}" for each in (size, found.invocations, found.pages, found.held, math.ceil(found.seconds))]


def _limit_line(size: int) -> list[str]:
    return [
        f"{size:,}",
        f"{size / CONNECTION_SECONDS:,.1f}",
        f"{size / PING_SECONDS:,.0f}",
        f"{size / CONNECTS_PER_SECOND:,.0f} s",
        f"{size / REQUESTS_PER_SECOND:,.0f} s",
    ]


_INTRODUCTION: Final = """
# Scaling and cost on AWS

Written by `make cost`, which runs the real handlers in the emulator and counts. The prose is part of the script; the
figures in the tables are not typed in. No AWS account was used: counts are exact, durations are assumed, prices
are a list.

## What each step uses

One connection of one user. A slow action is queued: the router stores it, the stream invokes the processor, which
invokes itself for the request (docs/decisions/0006). Progress is stored at most once a second; the five messages of the
example are 1.2 s apart, and messages that come faster cost a message each and no write. Write units include the
indexes, and an item of less than a kilobyte counts as one. A sweep looks for requests that nobody sees to; it runs once
a minute, whatever the number of connections.
"""

_PRICES: Final = f"""
## What a million of each costs

Price list: {PRICE_LIST}. Check it before you rely on it; the constants are at the top of `benchmarks/scaling_text.py`.

| | dollars |
|---|---:|
| a million WebSocket messages, in or out, for each 32 KB | {MESSAGES:.2f} |
| a million connection minutes | {CONNECTION_MINUTES:.2f} |
| a million Lambda invocations | {INVOCATIONS:.2f} |
| a million GB-seconds of Lambda, arm64 | {GIGABYTE_SECONDS:.2f} |
| a million write request units of DynamoDB | {WRITES:.3f} |
| a million read request units of DynamoDB | {READS:.3f} |
| a gigabyte into CloudWatch Logs | {LOG_GIGABYTE:.2f} |
| a million traces of X-Ray | {TRACES:.2f} |

Reading a DynamoDB stream from Lambda, TTL deletions and the `@connections` calls themselves cost nothing beyond the
message. Assumed billed time of a warm invocation, in milliseconds: {
    ", ".join(f"{name} {value:g}" for name, value in BILLED_MS.items())
}; what an action itself takes comes on top, as
{GIGABYTE_SECONDS / 1e6 * MEMORY_MB["processor"] / 1024:.7f} dollars a second at {MEMORY_MB["processor"]} MB. The REPORT
lines of your own functions have the real figures. Not included: storage, data transfer, cold starts, and what a stage
costs a month whatever it does: 26 alarms at $0.10, 5 metrics at $0.30, a dashboard at $3.00 and a secret at $0.40,
together $7.50; and for each action an alarm and, where it is used, up to 4 metrics, $1.30. `action_errors = 0`
below `[alarms]` leaves out the alarms of actions.
"""

_IDLE: Final = f"""
Included is what a stack writes besides the functions' own lines: Lambda's lines in JSON, about {JSON_LINES_BYTES} bytes
an invocation; access logs of about {ACCESS_LOG_BYTES} bytes for each message, connect and disconnect, unless
`access_logs = false`; X-Ray, which takes 1 in {TRACED} by default, unless `tracing = false`. Metrics stay whatever the
level is, and `LOG_LEVEL=WARNING` leaves out what tells of the ordinary course of things.

`ping` and `keep-alive` are routes without a function: API Gateway takes them itself, and answers the first.

## Connections that are held all month

Each lives two hours and is renewed, and says something every {PING_SECONDS // 60} minutes so that API Gateway does not
close it as idle; an action counts as well, so a busy connection needs nothing. What the clients say is `keep-alive`,
which has no answer; each {CHECKED}th time the JavaScript client sends a `ping`, which has one, and in each minute of
silence while a request is under way (the Python client leaves that to WebSocket's own pings, which cost nothing, and in
browsers something is said every 8 minutes). In the column before the
last three is what it all came to while each ping ran the router, which posted the answer.
"""

_BEFORE: Final = """
## Before and now

What it came to while each ping ran the router, and payloads were written again with each progress:
"""

_LIMITS: Final = f"""
## The first limits

Default quotas of an account in a Region, both adjustable: {CONNECTS_PER_SECOND} new connections a second, and
{REQUESTS_PER_SECOND:,} requests a second for messages and `@connections` calls together. There is no quota on open
connections; so many a second for two hours are {CONNECTS_PER_SECOND * CONNECTION_SECONDS / 1e6:.1f} million.
Lambda runs 1,000 events at once for the whole account (adjustable). A DynamoDB partition takes {PARTITION_WRITES:,}
write units and 3,000 read units a second, and a new on-demand table 4,000 and 12,000.
"""


def _advice() -> str:
    return f"""
**Our own.** A stage takes {THROTTLE_RATE} messages a second until `throttle_rate` says otherwise, which protects the
account's other APIs. What keeps connections open reaches that at {THROTTLE_RATE * PING_SECONDS:,} of them, on
routes of its own, so that actions are not refused for it; the alarm `client_errors` rings for
messages that were refused.

**10,000 connections.** Connections alone reach no limit. The first one is Lambda's concurrency, when clients have a
thousand slow actions running at the same time: each takes one of the account's 1,000 executions, and `$connect` and the
router compete with them. Ask for more concurrency, or give the processor a reserved concurrency, so that queued work
waits instead of throttling the others; a function of its own then starts it, which the work cannot keep out, and what
waits rings no alarm for an hour.

**100,000 connections.** The first limit is the connect rate after an interruption: everyone is connected anew after
{100_000 / CONNECTS_PER_SECOND:,.0f} s at best, and whoever is refused tries again. Clients must back off with jitter
(both of streamer's do), and the quota should be raised in time. Next is broadcasting: a message to everyone takes
{100_000 / REQUESTS_PER_SECOND:,.0f} s of the account's whole request rate, and other messages are throttled meanwhile
if the functions that send it are given memory enough (`[functions.processor]`); publish to topics that fewer
connections subscribe to.

**1,000,000 connections.** Renewals and what keeps connections open stay within the defaults (see the table). Connecting
everyone takes
{1_000_000 / CONNECTS_PER_SECOND / 60:.0f} minutes and a broadcast {1_000_000 / REQUESTS_PER_SECOND:.0f} s, so both
quotas have to be raised, tenfold for a start. If all belong to one tenant, the index `by_tenant` is the next limit:
one tenant has {SHARDS} partition keys. A connect and a disconnect write one of them once each, so
{SHARDS * PARTITION_WRITES // 2:,} of both in a second are all that one tenant can do, which is as much as a new table
takes until it has adapted, and DynamoDB then throttles writes to the table as well. Split a tenant of that
size (a tenant id for each division), or use several accounts or Regions, which have quotas of their own. The index
`by_target` of subscriptions is alike: a topic takes {SHARDS * PARTITION_WRITES:,} subscriptions a second, also after
an interruption. With one partition key each, as it was, the limits were {PARTITION_WRITES // 2} and
{PARTITION_WRITES:,}.

**Messages to everyone** are read a thousand recipients at a time, and beyond about 4,000 passed on to invocations of
the processor (docs/decisions/0013). Counted with the runtime's own hub and publisher and a store that makes rows up, at
{SENT_PER_SECOND:,} messages a second for each function; `python -m benchmarks.broadcasts` prints it:

{_table(_BROADCAST_HEAD, [_broadcast_line(size) for size in BROADCASTS])}

More memory makes each function as many times faster as it has CPU, up to 5,000 messages a second with 1,769 MB; all
together are within API Gateway's {REQUESTS_PER_SECOND:,} requests a second, or are throttled and try again.

**Requests.** Their key is the tenant and user, so users spread over partitions by themselves; a single user is limited
to {PARTITION_WRITES:,} units a second, more than a hundred slow actions. DynamoDB charges an update by the size of the
whole item, so a payload of more than 4 KB has an item of its own, which is written and read once
(docs/decisions/0013): the slow action with 25 KB above cost {LARGE_WRITES} write units and ${BEFORE[LARGE]:.2f} a
million while it was written again with each progress. The stream has a shard per partition, and the processor only
dispatches from it, so its delay does not grow with the time that actions take.
"""

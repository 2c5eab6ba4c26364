"""Random operations on the embedded DynamoDB and on another implementation; where they differ, and how often.

    python benchmarks/dynamodb_differences.py URL [--episodes 500] [--seed 1] [--show 1]

URL is another DynamoDB that looks at no signature: MiniStack, dynalite, DynamoDB Local.
An episode is forty operations on two fresh tables of
each; it ends at the first difference, as the tables may differ from there. Sets, and items that a Scan finds, are
compared without order. What each difference means is for a reader to judge: docs/dynamodb.md has the verdicts.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.dynamodb_fuzz import PLAIN, SORTED, Fuzzer
from emulator.dynamodb.engine import DYNAMODB, STREAMS, EmbeddedDynamoDB
from emulator.port.http import HttpRequest

OPERATIONS = 40
COMPARED = (
    "PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem",
    "TransactWriteItems", "TransactGetItems",
)  # fmt: skip
SHOWN = ("Attributes", "Item", "Items", "Count", "ScannedCount", "LastEvaluatedKey", "Responses")
"""Members of answers that are compared."""

LONGEST_BYTES = 1000
"""Longer requests are left out: a deep expression ends dynalite's process."""
UNKNOWN = ("UnknownOperationException", "UnrecognizedClientException")

Outcome = tuple[str, Any]
"""An error's code or ``OK``, and what was answered or the message."""


class Pair:
    """Two fresh tables in both implementations."""

    def __init__(self, url: str) -> None:
        self._ours = EmbeddedDynamoDB()
        self._url = url
        suffix = uuid.uuid4().hex[:8]
        self._names = {PLAIN: f"plain-{suffix}", SORTED: f"sorted-{suffix}"}
        for parameters in _tables():
            request = self._renamed(parameters)
            self._ours.call("CreateTable", copy.deepcopy(request))
            self._sent("CreateTable", request)
            for _ in range(100):
                described = self._sent("DescribeTable", {"TableName": request["TableName"]})
                if described.get("Table", {}).get("TableStatus") == "ACTIVE":
                    break
                time.sleep(0.05)

    def _renamed(self, body: Any) -> Any:
        text = json.dumps(body)
        for name, fresh in self._names.items():
            text = text.replace(name, fresh)
        return json.loads(text)

    def both(self, action: str, body: Any) -> tuple[Outcome, Outcome]:
        """The outcomes of one operation."""
        request = self._renamed(body)
        theirs = self._their_outcome(action, request)
        # What they do not know, ours must not do either, or the tables would differ from there.
        return (theirs if theirs[0] in UNKNOWN else self._our_outcome(action, request)), theirs

    def _our_outcome(self, action: str, request: Any) -> Outcome:
        fields = {"x-amz-target": f"{DYNAMODB}.{action}"}
        response = self._ours.handle(HttpRequest("POST", "/", (), json.dumps(request).encode(), "127.0.0.1", fields))
        return _outcome(action, json.loads(response.body or b"{}"))

    def _their_outcome(self, action: str, request: Any) -> Outcome:
        return _outcome(action, self._sent(action, request))

    def _sent(self, action: str, request: Any) -> Any:
        headers = {
            "X-Amz-Target": f"{DYNAMODB}.{action}",
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
            "SignedHeaders=host;x-amz-date;x-amz-target, Signature=00",
        }
        body = json.dumps(request).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self._url, body, headers), timeout=20) as response:
                return json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                return {"__type": f"#{error.code}", **json.loads(text)}
            except ValueError:
                return {"__type": f"#{error.code}", "message": text.decode(errors="replace")[:300]}

    def close(self) -> None:
        """Delete their tables."""
        for name in self._names.values():
            self._sent("DeleteTable", {"TableName": name})


def _tables() -> list[dict[str, Any]]:
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    definition = {"AttributeName": "pk", "AttributeType": "S"}
    numbers = [{"AttributeName": name, "AttributeType": "N"} for name in ("sk", "n")]
    index = {"KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    local = {
        "IndexName": "local",
        "KeySchema": [key, {"AttributeName": "n", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["s"]},
    }
    plain = {"TableName": PLAIN, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [key]}
    return [
        {**plain, "AttributeDefinitions": [definition]},
        {
            **plain,
            "TableName": SORTED,
            "KeySchema": [key, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "AttributeDefinitions": [definition, *numbers],
            "GlobalSecondaryIndexes": [{"IndexName": "by-n", **index}],
            "LocalSecondaryIndexes": [local],
        },
    ]


def _outcome(action: str, content: dict[str, Any]) -> Outcome:
    if "__type" not in content:
        return "OK", _normal(action, content)
    return content["__type"].rpartition("#")[2], content.get("message") or content.get("Message")


def _normal(action: str, content: dict[str, Any]) -> Any:
    shown = _sorted_sets({name: content[name] for name in SHOWN if content.get(name) not in (None, {})})
    if action in ("Scan", "BatchGetItem"):
        for member in ("Items", "Responses"):
            if isinstance(shown.get(member), list):
                shown[member] = sorted(shown[member], key=json.dumps)
        if action == "BatchGetItem":
            shown = {"Responses": {name: sorted(found, key=json.dumps) for name, found in shown["Responses"].items()}}
        if "LastEvaluatedKey" in shown or action == "Scan":
            shown.pop("LastEvaluatedKey", None)  # pages of a Scan go by another order
    return shown


def _sorted_sets(value: Any) -> Any:
    if isinstance(value, dict):
        for kind in ("SS", "NS", "BS"):
            if list(value) == [kind]:
                return {kind: sorted(value[kind])}
        return {name: _sorted_sets(member) for name, member in value.items()}
    return [_sorted_sets(member) for member in value] if isinstance(value, list) else value


def differs(action: str, body: Any, ours: Outcome, theirs: Outcome) -> str | None:
    """A word for the difference; None: there is none, or none that can be compared."""
    if theirs[0] in UNKNOWN:
        return None
    if ours[0] != theirs[0]:
        return f"{action}: {ours[0]} here, {theirs[0]} there"
    pages = action == "Scan" and ("Limit" in body or "Segment" in body)
    return f"{action}: another answer" if ours[0] == "OK" and ours != theirs and not pages else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=1, help="examples of each kind of difference")
    arguments = parser.parse_args()
    found, done = Counter[str](), 0
    try:
        for count in compared(arguments.url, arguments.episodes, arguments.seed, arguments.show, found):
            done += count
    except OSError as error:
        print(f"the other one is gone: {error}")
    print(f"{done:,} operations compared, {sum(found.values()):,} differences of {len(found)} kinds")
    for name, count in found.most_common():
        print(f"{count:>7,}  {name}")


def compared(url: str, episodes: int, seed: int, show: int, found: Counter[str]) -> Iterator[int]:
    """Count the differences of so many episodes; yields how many operations each had."""
    fuzzer = Fuzzer(seed)
    for _ in range(episodes):
        pair, done = Pair(url), 0
        history: list[str] = []
        for _ in range(OPERATIONS):
            target, data = fuzzer.request(damage=0.25)
            action = target.rpartition(".")[2]
            if target.startswith(STREAMS) or action not in COMPARED or len(data) > LONGEST_BYTES:
                continue
            body = json.loads(data)
            ours, theirs = pair.both(action, body)
            done += 1
            difference = differs(action, body, ours, theirs)
            history.append(f"{action} {json.dumps(body)[:300]} -> {ours[0]}")
            if difference is not None:
                found[difference] += 1
                if found[difference] <= show:
                    if "another answer" in difference:
                        print(*history[-12:-1], sep="\n")
                    print(f"{difference}\n  {json.dumps(body)[:600]}\n  here  {ours}\n  there {theirs}"[:2500])
                if "another answer" in difference or "OK" in difference:
                    break
        pair.close()
        yield done


if __name__ == "__main__":
    main()

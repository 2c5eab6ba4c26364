"""Whether what clients and services really said is what `streamer describe` says they may: `make test-messages`.

The console of each emulator has recorded it; the emulator is asked before it is stopped.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sysconfig
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft7Validator

SWITCH: Final = "CHECK_MESSAGES"
"""Variable with the file to which each check adds a line: how many messages, and where."""
STREAMER: Final = Path(sysconfig.get_path("scripts")) / "streamer"
REFUSALS: Final = frozenset({"VALIDATION_ERROR", "INVALID_ACTION", "PAYLOAD_TOO_LARGE"})
SECONDS: Final = 60.0


def check(folder: Path, url: str, arguments: tuple[str, ...]) -> None:
    """Compare all that an emulator has recorded with the document of its App; other services have none."""
    file = os.environ.get(SWITCH)
    token = folder / ".streamer" / "console-token"
    if not file or not token.exists():
        return
    asked = urllib.request.Request(
        f"{url}/_streamer/api/export", headers={"Authorization": f"Bearer {token.read_text().strip()}"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            records = json.load(answer)["records"]
    except (urllib.error.URLError, ConnectionError):
        return  # without a console, or on its way out
    document = described(folder, arguments)
    if document is None:
        return
    requests, answers = said(records)
    problems = list(differences(document, requests, answers))
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(f"{len(requests)} {len(answers)} {os.environ.get('PYTEST_CURRENT_TEST', '')}\n")
    assert problems == [], "\n".join(problems[:5])


def described(folder: Path, arguments: tuple[str, ...]) -> Mapping[str, Any] | None:
    """The AsyncAPI document; None: it is no App, or its code does not load any more."""
    named = [each for each in arguments[:1] if not each.startswith("-")]
    target = ["streamer.demo:app"] if "--demo" in arguments else named
    done = subprocess.run(
        [STREAMER, "describe", *target], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def said(records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What clients sent, and what functions sent to them, as far as it was recorded whole."""
    requests, answers = [], []
    for record in records:
        if record["$type"] == "Message":
            requests += objects(record["text"])
        if record["$type"] == "Call" and "/@connections/" in unquote(record["target"]) and record["method"] == "POST":
            body = record["body"]
            content = base64.b64decode(body["$bytes"]) if body.get("base64") else body["$bytes"].encode()
            if record["function"] is not None:
                answers += objects(content)  # of a large one the head alone is kept, which is no JSON
    return requests, answers


def objects(text: str | bytes) -> list[dict[str, Any]]:
    try:
        content = json.loads(text)
    except ValueError:
        return []
    return [content] if isinstance(content, dict) else []


def differences(
    document: Mapping[str, Any], requests: list[dict[str, Any]], answers: list[dict[str, Any]]
) -> Iterator[str]:
    """Messages that are not as the document says."""
    components = {"components": document["components"]}
    validators = {
        name: Draft7Validator({**message["payload"], **components})
        for name, message in document["components"]["messages"].items()
    }
    named = {each.get("request_id") for each in answers}
    refused = {
        each.get("request_id")
        for each in answers
        if each.get("type") == "error" and each.get("error", {}).get("code") in REFUSALS
    }
    actions: defaultdict[str, set[Any]] = defaultdict(set)  # clients of several users may use the same id
    for request in requests:
        if not isinstance(request.get("id"), str):
            continue
        actions[request["id"]].add(request.get("action"))
        validator = validators.get(f"{request.get('action')}.request")
        if validator is not None and request["id"] in named - refused:
            yield from (f"{error.message}: {request}" for error in validator.iter_errors(request))
    for answer in answers:
        possible = candidates(answer, actions, validators)
        faults = [[error.message for error in validators[each].iter_errors(answer)] for each in possible]
        if not possible:
            yield f"the document knows no such message: {answer}"
        elif all(faults):
            yield f"{'; '.join(faults[0])}: {answer}"


def candidates(answer: Mapping[str, Any], actions: Mapping[str, set[Any]], known: Iterable[str]) -> list[str]:
    """The names of messages, of which an answer has to be one.

    Whose request had no id, or was sent before the emulator started again, may be the answer of any action.
    """
    known, kind = list(known), answer.get("type")
    asked = actions.get(answer.get("request_id", ""), set())
    own = [f"{action}.{kind}" for action in asked if f"{action}.{kind}" in known]
    common = [name for name in (f"topic.{answer.get('topic')}", str(kind)) if name in known]
    return own or common[:1] or ([] if asked else [name for name in known if name.endswith(f".{kind}")])

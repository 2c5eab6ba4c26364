"""Runs the Autobahn test suite's fuzzing client against an emulator that echoes, and writes docs/autobahn.md.

The suite needs Python 2.7: ``virtualenv -p python2.7 ab && ab/bin/pip install autobahntestsuite``. Then
``.venv/bin/python tests/fidelity/autobahn.py ab/bin/wstest`` takes about two minutes. It is no test of pytest's; the
frames that matter most are in ``test_bad_input.py``. The exit status is 1 when a case fails that should not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from emulator.gateway.rules.limits import Limits  # noqa: E402
from emulator.testing.thread import EmulatorThread  # noqa: E402
from emulator.wiring.emulator import EmulatorConfig  # noqa: E402
from streamer.topology import Api, Function, Route, Topology  # noqa: E402

AGENT: Final = "streamer"
ECHO: Final = 'def echo(event, context):\n    return {"statusCode": 200, "body": event["body"]}\n'
SERVICE: Final = Topology(
    api=Api(name="echo", routes=(Route(route_key="$default", function="echo", route_response=True),)),
    functions=(Function(name="echo", handler="handlers.echo", timeout_seconds=60),),
)
SECTIONS: Final = {
    "1": "Framing: text and binary messages of many sizes",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Reserved opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Close handshake",
    "9": "Sizes up to 16 MB, and how fast",
    "10": "Automatic fragmentation",
}
PASSED: Final = ("OK", "NON-STRICT", "INFORMATIONAL")
BINARY: Final = 1003
TOO_BIG: Final = 1009

Results = Mapping[str, Mapping[str, Any]]


def run(wstest: str, cases: Sequence[str], limits: Limits) -> Results:
    """Case number to what the fuzzing client found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "handlers.py").write_text(ECHO)
        config = EmulatorConfig(project_folder=folder, state_folder=folder / "state", isolation="inline", limits=limits)
        with EmulatorThread(SERVICE, config) as emulator:
            spec = {
                "outdir": str(folder / "reports"),
                "servers": [{"agent": AGENT, "url": emulator.websocket_url}],
                "cases": list(cases),
                "exclude-cases": ["12.*", "13.*"],
                "exclude-agent-cases": {},
            }
            (folder / "spec.json").write_text(json.dumps(spec))
            command = [wstest, "-m", "fuzzingclient", "-s", str(folder / "spec.json")]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=600)
        found: dict[str, Results] = json.loads((folder / "reports" / "index.json").read_text())
    return found[AGENT]


def verdict(result: Mapping[str, Any]) -> str:
    """One word for a case; what AWS closes by design is told apart from what fails."""
    behaviour = str(result["behavior"])
    if behaviour in PASSED and result["behaviorClose"] in PASSED:
        return behaviour
    return {BINARY: "1003", TOO_BIG: "1009"}.get(result["remoteCloseCode"], "FAILED")


def table(results: Results) -> str:
    """One line per section."""
    counts = {section: Counter[str]() for section in SECTIONS}
    for case, result in results.items():
        counts[case.partition(".")[0]][verdict(result)] += 1
    columns = ("OK", "NON-STRICT", "INFORMATIONAL", "1003", "1009", "FAILED")
    head = ["section", "cases", *columns]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for section, title in SECTIONS.items():
        if total := counts[section].total():
            cells = (f"{section}. {title}", total, *(counts[section][column] for column in columns))
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def failures(results: Results) -> list[str]:
    return [case for case, result in results.items() if verdict(result) == "FAILED"]


DOCUMENT: Final = """\
# The Autobahn test suite

What the fuzzing client of autobahntestsuite (on PyPI, for Python 2.7) finds when the emulator
runs a service with one route, `$default`, whose function returns the message as its route response. This page is
written by `tests/fidelity/autobahn.py`, which says how to run it again.

## As API Gateway is

{strict}

No case fails. What is closed is closed by design, because API Gateway does it, and so no echo comes back:

- **1003**: every case that sends a binary message. WebSocket APIs do not take any.
- **1009**: every case that sends a frame over 32 KB or a message over 128 KB.

Sections 12 and 13 test compression, which the emulator does not negotiate (row A42 of [fidelity.md](fidelity.md)).
NON-STRICT means that the connection was failed, as it must be, though an echo of an earlier message of the case did
not come first (sections 3, 4 and 5: it comes from a function, and the end is told at once), or that invalid UTF-8 was
found at the end of the message and not at its first wrong byte (section 6).

## With larger limits

The cases of text messages again, with `frame_bytes` and `message_bytes` raised to 4 MB, to tell the limits apart from
faults. A function's payload has at most 6 MB on Lambda, so larger echoes are out of reach in any case.

{raised}
"""


def main() -> int:
    """Run both and write the page."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    strict = run(sys.argv[1], ["*"], Limits())
    large = 4 * 1024 * 1024
    raised = run(
        sys.argv[1],
        ["1.1.*", "9.1.*", "9.3.*", "9.5.*", "9.7.*"],
        Limits(frame_bytes=large, message_bytes=large),
    )
    page = DOCUMENT.format(strict=table(strict), raised=table(raised))
    (ROOT / "docs" / "autobahn.md").write_text(page, encoding="utf-8")
    failed = failures(strict) + failures(raised)
    sys.stdout.write(f"{len(strict)} and {len(raised)} cases; failed: {', '.join(failed) or 'none'}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""``streamer --help`` stays instant: what it lists is not loaded. By module name, not by milliseconds."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

PROGRAM = """
import sys
from streamer._entry import main
try:
    main()
finally:
    print(sorted(sys.modules), file=sys.stderr)
"""


def test_help_does_not_load_what_it_only_lists() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--help"], capture_output=True, text=True, timeout=60, check=True
    )

    modules = set(re.findall(r"'([\w.]+)'", done.stderr))
    loaded = {name.partition(".")[0] for name in modules}
    assert "Print the CloudFormation template." in done.stdout
    assert not loaded & {"deploy", "asyncio", "websockets", "boto3", "botocore", "jwt", "moto", "decimal", "hashlib"}
    assert not modules & {"streamer.app", "streamer.actions", "streamer.protocol.messages"}
    assert {name for name in modules if name.startswith("emulator.")} <= {
        "emulator.command",
        "emulator.command.click_options",
        "emulator.command.extras",
        "emulator.command.help",
        "emulator.command.options",
        "emulator.command.parameters",
    }

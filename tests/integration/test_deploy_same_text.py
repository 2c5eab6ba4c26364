"""The same input gives the same template in every process, in each of which sets have an order of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
PROGRAM = """
from deployed_topologies import FULL, of_an_app
from every_feature import every_feature

from deploy.stack.settings import StackSettings
from deploy.stack.template import template, to_json

for topology in (FULL, of_an_app(), every_feature()):
    print(to_json(template(topology, StackSettings(stack_name="chat-dev"))))
"""


def test_a_template_has_the_same_text_in_every_process() -> None:
    search = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    texts = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONPATH": search, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "2")
    }

    assert len(texts) == 1
    assert texts.pop().count('"AWS::Lambda::Function"') > 3

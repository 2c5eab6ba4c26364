"""docs/deploy.md and docs/scaling.md keep up with the code."""

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

from deploy.config import Config
from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from streamer.app import App
from streamer.observability.metrics import CATALOG

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_every_key_of_streamer_toml_is_described() -> None:
    tables = "\n".join(line for line in DOCS.splitlines() if line.startswith("|"))

    assert [key.name for key in fields(Config) if key.name != "folder" and f"`{key.name}`" not in tables] == []


SECTION = DOCS.split("## What a team finds here")[1].split("\n### ")[0].split("\n## ")[0]
ROWS = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]
PROOF = re.compile(r"`(tests/\S+?)::(test_\w+)`")
PROOFS = [found for row in ROWS for found in PROOF.findall(row)]


def test_what_a_team_finds_here_has_proofs() -> None:
    assert [row for row in ROWS if PROOF.search(row.rstrip("| ").rpartition("|")[2]) is None] == []
    assert [row.split("|")[1].strip() for row in ROWS[:16]] == [str(number) for number in range(1, 17)]


def test_each_proof_exists() -> None:
    assert [proof for proof in PROOFS if f"def {proof[1]}(" not in (ROOT / proof[0]).read_text("utf-8")] == []


def test_the_stage_s_own_limit_is_the_one_that_scaling_tells() -> None:
    text = " ".join((ROOT / "docs" / "scaling.md").read_text(encoding="utf-8").split())

    assert f"A stage takes {StackSettings(stack_name='c-d').throttle_rate:g} messages a second" in text


def test_the_fixed_costs_of_a_stage_are_counted_from_the_template() -> None:
    topology = App().topology(target="app:app", environment={"JWT_SECRET": "s" * 40})
    alone, with_one = (
        Counter(
            resource["Type"]
            for resource in template(topology, StackSettings(stack_name="c-d", actions=actions))["Resources"].values()
        )
        for actions in ((), ("report",))
    )
    alarms, of_actions = alone["AWS::CloudWatch::Alarm"], sum(1 for each in CATALOG if each.dimensions)
    metrics = len(CATALOG) - of_actions
    month = 0.10 * alarms + 0.30 * metrics + 3.00 + 0.40 * alone["AWS::SecretsManager::Secret"]

    text = " ".join((ROOT / "docs" / "scaling.md").read_text().split())
    assert with_one["AWS::CloudWatch::Alarm"] == alarms + 1
    assert f"{alarms} alarms at $0.10, {metrics} metrics at $0.30" in text
    assert f"together ${month:.2f}; and" in text
    assert f"an alarm and, where it is used, up to {of_actions} metrics, ${0.10 + 0.30 * of_actions:.2f}." in text

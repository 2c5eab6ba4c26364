"""What a changed template says that it did not say before."""

from __future__ import annotations

import pytest

from emulator.command.reloading.templates import new_warnings

TYPO = "template.yaml:29: Resources.Fn.Properties.Tmeout: AWS::Lambda::Function has no property 'Tmeout'"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param([], [TYPO], [TYPO], id="a new one"),
        pytest.param([TYPO], [TYPO.replace(":29:", ":31:")], [], id="the same on another line"),
        pytest.param([TYPO], [TYPO.replace("Fn", "Other")], [TYPO.replace("Fn", "Other")], id="of another resource"),
        pytest.param(["Api: it has no stage"], [], [], id="one that is gone"),
    ],
)
def test_what_was_said_before_is_not_said_again(before: list[str], after: list[str], told: list[str]) -> None:
    assert new_warnings(before, after) == told

"""Tokens of tasks that wait: whose they are."""

from __future__ import annotations

import pytest

from emulator.services.machines.tokens import machine_of, token_of

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:pays"


def test_a_token_says_whose_task_it_is() -> None:
    assert machine_of(token_of(MACHINE, "x.y")) == MACHINE


@pytest.mark.parametrize("token", ["", "x", "x.y", "YXJu", "YXJu.x", "_-.x", "ä.x"])
def test_what_is_no_token_is_nobodys(token: str) -> None:
    assert machine_of(token) is None

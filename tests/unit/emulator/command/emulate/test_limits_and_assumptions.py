from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from emulator.command.emulate.limits_and_assumptions import assumed, limited
from emulator.gateway.rules.assumptions import Assumptions, NonUtf8Post
from emulator.gateway.rules.limits import ACCOUNT_THROTTLE, CONNECTION_THROTTLE, Limits
from streamer.errors import ConfigurationError
from streamer.topology import Throttle


@pytest.mark.parametrize(
    ("pair", "field", "value"),
    [
        ("frame_bytes=100", "frame_bytes", 100),
        ("idle_seconds=0.5", "idle_seconds", 0.5),
        ("account=aws", "account", ACCOUNT_THROTTLE),
        ("connections=aws", "connections", CONNECTION_THROTTLE),
        ("account=2.5:10", "account", Throttle(rate=2.5, burst=10)),
        ("messages_per_connection=0:0", "messages_per_connection", Throttle(rate=0, burst=0)),
    ],
)
def test_a_limit_is_set_by_name(pair: str, field: str, value: Any) -> None:
    assert limited(Limits(), [pair]) == dataclasses.replace(Limits(), **{field: value})


@pytest.mark.parametrize(
    ("pair", "field", "value"),
    [
        ("ping_resets_idle=true", "ping_resets_idle", True),
        ("none_result_is_error=false", "none_result_is_error", False),
        ("missing_status_is_error=false", "missing_status_is_error", False),
        ("empty_message_body=null", "empty_message_body", None),
        ("abnormal_reason=Connection dropped", "abnormal_reason", "Connection dropped"),
        ("throttled_message=a=b", "throttled_message", "a=b"),
        ("non_utf8_post=refuse", "non_utf8_post", NonUtf8Post.REFUSE),
    ],
)
def test_an_assumption_is_set_by_name(pair: str, field: str, value: Any) -> None:
    assert assumed(Assumptions(), [pair]) == dataclasses.replace(Assumptions(), **{field: value})


def test_every_limit_and_assumption_can_be_set() -> None:
    for field in dataclasses.fields(Limits):
        limited(Limits(), [f"{field.name}=1:1" if getattr(Limits(), field.name) is None else f"{field.name}=1"])
    values = {bool: "true", NonUtf8Post: "refuse"}
    for field in dataclasses.fields(Assumptions):
        assumed(Assumptions(), [f"{field.name}={values.get(type(getattr(Assumptions(), field.name)), 'text')}"])


@pytest.mark.parametrize(
    "pair",
    [
        "frame_bytes",
        "unknown=1",
        "frame_bytes=many",
        "frame_bytes=0",
        "frame_bytes=-1",
        "idle_seconds=inf",
        "idle_seconds=nan",
        "account=10",
        "account=a:b",
        "account=-1:5",
        "account=inf:5",
        "messages_per_connection=aws",
    ],
)
def test_a_limit_that_is_none_is_one_line(pair: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^--limit {pair}: [^\n]+$"):
        limited(Limits(), [pair])


@pytest.mark.parametrize("pair", ["account=10", "account=a:b", "account=1:b"])
def test_a_throttle_that_is_none_says_how_to_write_one(pair: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write RATE:BURST, such as 100:50, or aws$"):
        limited(Limits(), [pair])


@pytest.mark.parametrize("pair", ["ping_resets_idle", "unknown=1", "ping_resets_idle=1", "non_utf8_post=drop"])
def test_an_assumption_that_is_none_is_one_line(pair: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^--assume {pair}: [^\n]+$"):
        assumed(Assumptions(), [pair])

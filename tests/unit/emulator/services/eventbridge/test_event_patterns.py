"""EventBridge's patterns beyond those of Lambda's filters. [DOC] eb-docs:eb-create-pattern-operators"""

from __future__ import annotations

from typing import Any

import pytest

from emulator.event_sources.streams.filters import InvalidFilterPatternError
from emulator.services.eventbridge.patterns import compile_event_pattern


@pytest.mark.parametrize(
    ("rule", "leaf", "matches"),
    [
        ({"wildcard": "dir/*.png"}, "dir/a/b.png", True),
        ({"wildcard": "dir/*.png"}, "dir/a.jpg", False),
        ({"wildcard": "a\\*b"}, "a*b", True),
        ({"wildcard": "a\\*b"}, "axb", False),
        ({"wildcard": "a\\\\*b"}, "a\\xxb", True),
        ({"wildcard": "a\\\\*b"}, "a*b", False),
        ({"wildcard": "a\\**"}, "a*xx", True),
        ({"wildcard": "a\\**"}, "axx", False),
        ({"wildcard": "*\\*"}, "xx*", True),
        ({"wildcard": "*"}, "", True),
        ({"wildcard": "a\\\\*"}, "a\\bc", True),
        ({"wildcard": "a\\\\*"}, "a*", False),
        ({"wildcard": "*\\**"}, "a*b", True),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.255", True),
        ({"cidr": "10.0.0.0/24"}, "10.0.1.0", False),
        ({"cidr": "10.0.0.0/24"}, "no address", False),
        ({"anything-but": ["a", "b"]}, "c", True),
        ({"anything-but": ["a", "b"]}, "a", False),
        ({"anything-but": 5}, 5, False),
        ({"anything-but": {"prefix": "in"}}, "out", True),
        ({"anything-but": {"prefix": "in"}}, "init", False),
        ({"anything-but": {"suffix": [".png", ".jpg"]}}, "a.jpg", False),
        ({"anything-but": {"equals-ignore-case": "ALICE"}}, "alice", False),
        ({"anything-but": {"wildcard": "*/lib/*"}}, "a/src/b", True),
        ({"anything-but": {"wildcard": "*/lib/*"}}, "a/lib/b", False),
        ({"prefix": {"equals-ignore-case": "EVENT"}}, "eventBridge", True),
        ({"numeric": [">", 0, "<=", 5]}, 5, True),
    ],
)
def test_a_comparison_says_what_it_lets_through(rule: dict[str, Any], leaf: Any, matches: bool) -> None:
    assert compile_event_pattern({"detail": {"leaf": [rule]}}).matches({"detail": {"leaf": leaf}}) is matches


@pytest.mark.parametrize(
    ("pattern", "detail", "matches"),
    [
        ({"state": {"status": ["running"]}}, {"state.status": "running"}, True),
        ({"state.status": ["running"]}, {"state": {"status": "running"}}, True),
        ({"a.b.c": ["x"]}, {"a": {"b": {"c": "x"}}}, True),
        ({"a.b": {"c": ["x"]}}, {"a": [{"b": {"c": "y"}}, {"b": {"c": "x"}}]}, True),
        ({"a.b.c": ["x"]}, {"a": {"b.c": "x"}}, True),
        ({"a": {"b.c": ["x"]}}, {"a.b": {"c": "x"}}, True),
        ({"state.status": [{"exists": False}]}, {"state": {"status": "running"}}, False),
        ({"state.status": [{"exists": False}]}, {"state": {"is": "running"}}, True),
        ({"state": {"status": ["running"]}}, {"state.status": {"status": "running"}}, False),
        ({"state.status": {"status": ["running"]}}, {"state": {"status": "running"}}, False),
        ({"a.b": ["x"]}, {"a": []}, False),
        ({"a.b": [{"exists": False}]}, {"a": "x"}, True),
    ],
)
def test_names_are_paths_that_dots_join(pattern: dict[str, Any], detail: Any, matches: bool) -> None:
    """[REC] ls-snap dot_joining_event, dot_joining_pattern and their negatives; [INF] the rest."""
    assert compile_event_pattern({"detail": pattern}).matches({"detail": detail}) is matches


def test_what_is_not_there_is_not_anything_but() -> None:
    for rule in ({"anything-but": "a"}, {"anything-but": {"prefix": "a"}}):
        assert not compile_event_pattern({"detail": {"leaf": [rule]}}).matches({"detail": {}})


@pytest.mark.parametrize(
    "rule",
    [
        {"wildcard": "a**b"},
        {"wildcard": "a\\b"},
        {"wildcard": "a\\"},
        {"wildcard": "a\\***"},
        {"wildcard": 5},
        {"wildcard": "a\\d"},
        {"cidr": "10.0.0.1"},
        {"cidr": "everything"},
        {"anything-but": {"numeric": [">", 1]}},
        {"anything-but": {"prefix": ""}},
        {"anything-but": {"suffix": [".png", ""]}},
        {"anything-but": {"prefix": {"equals-ignore-case": "a"}}},
        {"anything-but": {"suffix": {"equals-ignore-case": ".png"}}},
        {"near": "a"},
    ],
)
def test_a_wrong_comparison_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterPatternError):
        compile_event_pattern({"detail": {"leaf": [rule]}})

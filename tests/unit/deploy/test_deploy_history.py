"""Which deployments are remembered, and which of them is gone back to."""

import json
from typing import Any

import pytest
from fake_cloud import FakeCloud, stack

from deploy.errors import DeployError
from deploy.history import Deployment, catch_up, chosen, deployments, keep, prefix, read, template_digest

ONE, TWO, THREE = ({"Resources": {"Api": {"Type": name}}} for name in ("1", "2", "3"))
PREFIX = prefix("chat", "chat-dev")


def deployed(*pairs: tuple[str, dict[str, Any]]) -> tuple[Deployment, ...]:
    """Those of a code and a template, in this order; where the code is in upper case, it came to run again."""
    return deployments(
        [
            f"{PREFIX}2026010{n}T000000Z-{code.lower()}-{template_digest(t)}{'-again' * code.isupper()}.json"
            for n, (code, t) in enumerate(pairs)
        ]
    )


@pytest.mark.parametrize(
    ("known", "now", "expected"),
    [
        pytest.param(deployed(("a", ONE), ("b", ONE)), ("b", ONE), "a", id="other code"),
        pytest.param(deployed(("a", ONE), ("a", TWO)), ("a", TWO), "a", id="another template"),
        pytest.param(deployed(("a", ONE), ("b", ONE), ("a", ONE)), ("a", ONE), "b", id="the same again"),
        pytest.param(deployed(("a", ONE), ("b", ONE), ("c", ONE)), ("b", ONE), "a", id="after going back once"),
        pytest.param(deployed(("a", ONE), ("b", TWO)), ("z", THREE), "b", id="what runs is not remembered"),
        pytest.param(deployed(("a", ONE), ("b", ONE), ("b", ONE)), ("b", ONE), "a", id="deployed twice"),
        pytest.param(
            deployed(("a", ONE), ("b", ONE), ("A", ONE), ("c", ONE)), ("c", ONE), "a", id="not what was gone back from"
        ),
        pytest.param(
            deployed(("a", ONE), ("b", ONE), ("c", ONE), ("B", ONE), ("d", ONE)),
            ("b", ONE),
            "a",
            id="twice back, with a deployment between",
        ),
        pytest.param(
            deployed(("a", ONE), ("b", ONE), ("a", ONE), ("A", ONE), ("c", ONE)), ("a", ONE), "b", id="the later one"
        ),
        pytest.param(deployed(("A", ONE), ("b", ONE)), ("b", ONE), "a", id="again, and the first is not remembered"),
    ],
)
def test_without_a_name_the_last_other_one_before_what_runs_is_chosen(
    known: tuple[Deployment, ...], now: tuple[str, dict[str, Any]], expected: str
) -> None:
    assert chosen(known, f"chat/{now[0]}.zip", now[1], None).code == expected


@pytest.mark.parametrize(
    "known",
    [pytest.param((), id="none"), pytest.param(deployed(("a", ONE)), id="only what runs")],
)
def test_there_may_be_none(known: tuple[Deployment, ...]) -> None:
    with pytest.raises(DeployError, match="no earlier deployment"):
        chosen(known, "chat/a.zip", ONE, None)


def test_a_name_may_be_short_or_the_code_s_while_it_fits_one() -> None:
    known = deployed(("abc", ONE), ("def", ONE), ("def", ONE))

    assert chosen(known, "chat/def.zip", ONE, "20260100").code == "abc"
    assert chosen(known, "chat/abc.zip", ONE, "def") == known[2]
    for named, complaint in (("2026", "fits several"), ("x", "fits no deployment")):
        with pytest.raises(DeployError, match=complaint):
            chosen(known, "chat/abc.zip", ONE, named)


def test_what_came_to_run_again_has_the_name_of_its_deployment() -> None:
    known = deployed(("abc", ONE), ("def", ONE), ("ABC", ONE))

    assert chosen(known, "chat/def.zip", ONE, "abc") == known[0]


RUNS = {"CodeBucket": "code", "CodeKey": "chat/b.zip"}


@pytest.mark.parametrize(
    ("known", "runs", "expected"),
    [
        pytest.param("", RUNS, ["b"], id="nothing was remembered"),
        pytest.param("ab", RUNS, ["a", "b"], id="it is the last"),
        pytest.param("a", RUNS, ["a", "b"], id="nobody watched it to its end"),
        pytest.param("bc", RUNS, ["b", "c", "b again"], id="somebody went back"),
        pytest.param("a", RUNS | {"CodeKey": ""}, ["a"], id="not of ours"),
        pytest.param("a", RUNS | {"CodeKey": "App_v1.zip"}, ["a", "7b267ee5cf03"], id="a key of other means"),
        pytest.param("a", {"CodeKey": "chat/b.zip"}, ["a"], id="without a bucket"),
    ],
)
def test_what_runs_is_remembered_before_it_is_changed(known: str, runs: dict[str, str], expected: list[str]) -> None:
    cloud = FakeCloud()
    for at, code in enumerate(known):
        parameters = {"CodeBucket": "code", "CodeKey": f"chat/{code}.zip"}
        keep(cloud, "chat", stack(parameters=parameters, changed_at=float(at)), ONE)

    catch_up(cloud, "chat", stack(parameters=runs, changed_at=9.0), ONE, "code")

    found = deployments(list(cloud.objects))
    assert [each.code + " again" * each.is_again for each in found] == expected


def test_what_is_kept_can_be_read_and_holds_no_value_of_a_parameter() -> None:
    cloud, parameters = FakeCloud(), {"CodeBucket": "code", "CodeKey": "chat/abcdef.zip", "JwtSecret": "****"}

    keep(cloud, "chat", stack(parameters=parameters, changed_at=0.0), ONE)

    (only,) = deployments([*cloud.objects, f"{PREFIX}notes.txt"])
    assert only.name == f"19700101T000000.000Z-abcdef-{template_digest(ONE)}"
    assert read(cloud, "code", only, cloud.account()) == ("code", "chat/abcdef.zip", ONE)
    assert b"****" not in cloud.objects[only.key]


@pytest.mark.parametrize("first", ["a", "z"])
def test_deployments_of_one_second_are_told_apart(first: str) -> None:
    cloud, second = FakeCloud(), "az".replace(first, "")
    for changed_at, code in ((1.25, first), (1.5, second)):
        keep(
            cloud,
            "chat",
            stack(parameters={"CodeBucket": "code", "CodeKey": f"chat/{code}.zip"}, changed_at=changed_at),
            ONE,
        )

    known = deployments([f"{PREFIX}19700101T000000Z-older-abcdef.json", *cloud.objects])

    assert [each.code for each in known] == ["older", first, second]
    assert known[-1].name.startswith("19700101T000001.500Z-")
    assert chosen(known, f"chat/{second}.zip", ONE, None).code == first


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}"])
def test_what_cannot_be_read_is_said(body: bytes) -> None:
    (only,) = deployed(("a", ONE))

    with pytest.raises(DeployError, match="is no deployment that this version understands"):
        read(FakeCloud(objects={only.key: body}), "code", only, FakeCloud().account())


def test_the_order_in_which_a_template_comes_back_changes_nothing() -> None:
    again = json.loads(json.dumps({"b": 1, "a": 2}))

    assert template_digest({"a": 2, "b": 1}) == template_digest(again)

from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import DynamoType

from emulator.dynamodb.conditions import ALWAYS, compile_condition, require_values
from emulator.dynamodb.errors import ApiError
from emulator.dynamodb.values import attribute_values

ITEM = attribute_values(
    {
        "s": {"S": "abc"},
        "n": {"N": "5"},
        "b": {"B": b"xyz"},
        "t": {"BOOL": True},
        "z": {"NULL": True},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]},
        "l": {"L": [{"S": "a"}, {"N": "1"}, *[{"S": "x"}] * 10]},
        "m": {"M": {"k.dots": {"N": "1"}}},
    }
)
VALUES = attribute_values(
    {
        ":a": {"S": "a"},
        ":abc": {"S": "abc"},
        ":z": {"NULL": True},
        ":one": {"N": "1"},
        ":five": {"N": "5"},
        ":ten": {"N": "10"},
        ":xy": {"B": b"xy"},
        ":true": {"BOOL": True},
        ":type": {"S": "SS"},
        ":ba": {"SS": ["b", "a"]},
    }
)
NAMES = {"#k": "k.dots", "#name": "s"}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("s = :abc", True),
        ("s<>:abc", False),
        ("#name = :abc", True),
        ("n >= :five", True),
        ("n > :five", False),
        ("n < :ten", True),
        ("n < s", False),
        ("s < n", False),
        ("n = :abc", False),
        ("n <> :abc", True),
        ("t = :one", False),
        ("t = :true", True),
        ("z = :z", True),
        ("absent = :z", False),
        ("absent <> :z", True),
        ("absent > :one", False),
        ("ss = :ba", True),
        ("m.#k = :one", True),
        ("l[11] <> :a", True),
        ("l[12] = :a", False),
        ("l[0] = :a AND l[1] = :one", True),
        ("n BETWEEN :one AND :ten", True),
        ("n between :ten and :ten", False),
        ("n IN (:one, :ten, :five)", True),
        ("n IN (:one)", False),
        ("absent IN (:one)", False),
        ("begins_with(s, :a)", True),
        ("begins_with(b, :xy)", True),
        ("begins_with(n, :a)", False),
        ("contains(s, :a)", True),
        ("contains(ss, :a)", True),
        ("contains(ns, :one)", True),
        ("contains(ns, :a)", False),
        ("contains(l, :one)", True),
        ("contains(b, :xy)", True),
        ("contains(absent, :a)", False),
        ("attribute_type(ss, :type)", True),
        ("attribute_exists(m.#k)", True),
        ("attribute_not_exists(l[12])", True),
        ("size(l) > :ten", True),
        ("size(n) > :one", False),
        ("size(absent) > :one", False),
        ("NOT n = :five OR s = :abc", True),
        ("NOT (n = :five OR s = :abc)", False),
        ("n = :one AND s = :a OR t = :true", True),
        ("n = :one\n  AND\t(s = :a OR t = :true)", False),
    ],
)
def test_a_condition_holds_as_on_aws(expression: str, *, holds: bool) -> None:
    assert compile_condition(expression, NAMES, where="ConditionExpression").holds(ITEM, VALUES) is holds


@pytest.mark.parametrize(
    "expression",
    ["", " ", "n", "n =", "= n", "n = :one AND", "(n = :one", "n = :one)", "((n = :one))", "foo(n)", "n ! :one",
     "name = :a", "#unknown = :a", "attribute_exists(:a)", "attribute_exists(n, s)", "n IN ()", "size(n, s) = :one",
     "n BETWEEN :one", "NOT", "n = :one OR OR n = :one"],
)  # fmt: skip
def test_a_wrong_condition_is_refused(expression: str) -> None:
    with pytest.raises(ApiError) as error:
        compile_condition(expression, NAMES, where="FilterExpression")

    assert error.value.code == "ValidationException"
    assert "ConditionExpression" not in error.value.message


def test_no_expression_always_holds() -> None:
    assert compile_condition(None, {}, where="ConditionExpression") is ALWAYS
    assert ALWAYS.holds({}, {})


def test_a_condition_is_compiled_once_for_all_values() -> None:
    first = compile_condition("n = :v", {}, where="ConditionExpression")
    again = compile_condition("n = :v", {}, where="ConditionExpression")

    def holds(number: str) -> Any:
        return first.holds({"n": DynamoType({"N": "1"})}, {":v": DynamoType({"N": number})})

    assert first is again
    assert (holds("1"), holds("2")) == (True, False)


def test_a_condition_knows_what_it_uses() -> None:
    condition = compile_condition("#k = :a AND m.x[1] > n", NAMES, where="ConditionExpression")

    assert condition.names_used == {"#k"}
    assert condition.values_used == {":a"}
    assert condition.attributes == {"k.dots", "m", "n"}
    with pytest.raises(ApiError, match="attribute value: :a"):
        require_values("ConditionExpression", condition.values_used, {})

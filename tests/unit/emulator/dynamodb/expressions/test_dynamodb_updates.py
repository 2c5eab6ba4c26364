from typing import Any

import pytest

from emulator.dynamodb.errors import ApiError
from emulator.dynamodb.expressions.updates import compile_update
from emulator.dynamodb.values import read_attributes, wire_attributes

BEFORE: dict[str, Any] = {
    "n": {"N": "1"},
    "s": {"S": "text"},
    "set": {"SS": ["a", "b"]},
    "bags": {"L": [{"SS": ["a"]}, {"SS": ["b"]}]},
    "l": {"L": [{"N": "0"}, {"N": "1"}, {"L": [{"N": "2"}, {"N": "3"}]}]},
    "m": {"M": {"x": {"N": "1"}, "deep": {"M": {"y": {"N": "2"}}}}},
}
VALUES = read_attributes(
    {
        ":one": {"N": "1"},
        ":text": {"S": "new"},
        ":list": {"L": [{"S": "end"}]},
        ":empty": {"L": []},
        ":a": {"SS": ["a"]},
        ":ab": {"SS": ["a", "b"]},
        ":c": {"SS": ["c"]},
        ":ns": {"NS": ["1"]},
    }
)
NAMES = {"#dots": "with.dots", "#s": "s", "#set": "set"}


def apply(expression: str) -> dict[str, Any]:
    before = read_attributes(BEFORE)
    update = compile_update(expression, NAMES)
    update.check_values(VALUES)
    update.check_keys(("pk",))
    after = update.apply(before, VALUES)
    assert wire_attributes(before) == BEFORE, "the item before the update must stay as it was"
    return wire_attributes(after)


@pytest.mark.parametrize(
    ("expression", "changes"),
    [
        ("SET s = :text", {"s": {"S": "new"}}),
        ("set #dots = :one, #s = n", {"with.dots": {"N": "1"}, "s": {"N": "1"}}),
        ("SET n = n + :one", {"n": {"N": "2"}}),
        ("SET n = (if_not_exists(n, :one) - :one), k = ((n)+(:one))", {"n": {"N": "0"}, "k": {"N": "2"}}),
        ("SET k = if_not_exists(k, if_not_exists(n, :text))", {"k": {"N": "1"}}),
        ("SET l[9] = :text, l[5] = :one, l[7] = n", {"l": {"L": [*BEFORE["l"]["L"], *[{"N": "1"}] * 2, {"S": "new"}]}}),
        ("SET n = if_not_exists(n, :text)", {}),
        ("SET k = if_not_exists(k, :one) + :one", {"k": {"N": "2"}}),
        ("SET k = list_append(if_not_exists(k, :empty), :list)", {"k": {"L": [{"S": "end"}]}}),
        ("SET n = m.x, m.x = n", {}),
        ("SET m.deep.y = :text", {"m": {"M": {"x": {"N": "1"}, "deep": {"M": {"y": {"S": "new"}}}}}}),
        ("SET l[2][0] = :text", {"l": {"L": [{"N": "0"}, {"N": "1"}, {"L": [{"S": "new"}, {"N": "3"}]}]}}),
        ("REMOVE n, absent, m.x, m.nothing", {"n": None, "m": {"M": {"deep": {"M": {"y": {"N": "2"}}}}}}),
        ("REMOVE l[0], l[2][0]", {"l": {"L": [{"N": "1"}, {"L": [{"N": "3"}]}]}}),
        ("REMOVE l[1], l[2]", {"l": {"L": [{"N": "0"}]}}),
        ("REMOVE l[7]", {}),
        ("SET l[9] = :text REMOVE l[3], l[0]", {"l": {"L": [*BEFORE["l"]["L"][1:], {"S": "new"}]}}),
        ("ADD n :one, k :one", {"n": {"N": "2"}, "k": {"N": "1"}}),
        ("ADD #set :c, k :ns", {"set": {"SS": ["a", "b", "c"]}, "k": {"NS": ["1"]}}),
        ("ADD #set :ab", {}),
        ("DELETE #set :a", {"set": {"SS": ["b"]}}),
        ("DELETE #set :ab, absent :a", {"set": None}),
        ("DELETE bags[0] :a SET bags[1] = :text", {"bags": {"L": [{"S": "new"}]}}),
        ("SET s = :text\nREMOVE n\n\tADD k :one DELETE #set :c", {"s": {"S": "new"}, "n": None, "k": {"N": "1"}}),
    ],
)
def test_an_update_makes_a_new_item(expression: str, changes: dict[str, Any]) -> None:
    expected = {**BEFORE, **changes}

    assert apply(expression) == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "can not be empty"),
        ("SET", "Syntax error"),
        ("SET n", "Syntax error"),
        ("SET n = ", "Syntax error"),
        ("CHANGE n = :one", "Syntax error"),
        ("SET n = (n + :one) - n", "Syntax error"),
        ("SET n = n + :one - n", "Syntax error"),
        ("SET n = 5", "Syntax error"),
        ("SET n = :one,", "Syntax error"),
        ("REMOVE", "Syntax error"),
        ("ADD n m", "Syntax error"),
        ("DELETE n = :a", "Syntax error"),
        ("SET n = if_not_exists(:one, :one)", "requires a document path"),
        ("SET l = list_append(list_append(l, :list), :list)", "not allowed to be used this way"),
        ("SET n = size(s)", "The function is not allowed in an update expression; function: size"),
        ("SET l[0] = :one, l.x = :one", "conflict"),
        ("SET n = :one SET m = :one", "only be used once"),
        ("SET n = :one, n = :one", "overlap"),
        ("SET m.x = :one REMOVE m", "overlap"),
        ("SET pk = :one", "part of the key"),
        ("REMOVE pk", "part of the key"),
        ("SET name = :one", "reserved keyword: name"),
        ("SET #unknown = :one", "attribute name: #unknown"),
        ("SET n = :unknown", "attribute value: :unknown"),
        ("SET n = nowhere(n, :one)", "Invalid function name; function: nowhere"),
        ("SET n = if_not_exists(n)", "operator or function: if_not_exists, number of operands: 1"),
        ("SET n = absent", "does not exist in the item"),
        ("SET n = n + s", "incorrect data type"),
        ("SET n = s - :one", "incorrect data type"),
        ("SET l = list_append(n, :list)", "incorrect data type"),
        ("SET l = list_append(:one, :list)", "operator or function: list_append, operand type: N"),
        ("SET n = :text + :one", "operator or function: +, operand type: S"),
        ("ADD s :one", "incorrect data type"),
        ("ADD n :text", "operator: ADD, operand type: STRING"),
        ("ADD l :list", "ADD, operand type: LIST"),
        ("DELETE n :one", "DELETE, operand type: NUMBER"),
        ("DELETE l :a", "incorrect data type"),
        ("SET absent.x = :one", "invalid for update"),
        ("SET n.x = :one", "invalid for update"),
        ("SET m[0] = :one", "invalid for update"),
        ("SET l.x = :one", "invalid for update"),
        ("REMOVE absent.x", "invalid for update"),
        ("DELETE absent.x :a", "invalid for update"),
    ],
)
def test_a_wrong_update_is_refused_with_the_reason(expression: str, words: str) -> None:
    with pytest.raises(ApiError) as error:
        apply(expression)

    assert error.value.code == "ValidationException"
    assert words in error.value.message


def test_of_an_item_that_does_not_exist_any_path_may_be_removed() -> None:
    update = compile_update("REMOVE x.y, z[1]", {})

    assert update.only_takes_away
    assert update.apply({}, {}, is_new=True) == {}


def test_a_sum_that_needs_more_than_38_digits_is_refused() -> None:
    update = compile_update("SET s = :large + :one", {})
    with pytest.raises(ApiError, match="Number overflow"):
        update.apply({}, read_attributes({":large": {"N": "1e50"}, ":one": {"N": "1"}}))

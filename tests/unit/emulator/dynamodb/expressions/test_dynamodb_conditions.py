from typing import Any

import pytest

from emulator.dynamodb.errors import ApiError
from emulator.dynamodb.expressions.conditions import ALWAYS, compile_condition
from emulator.dynamodb.values import AttributeValue, read_attributes

ITEM = read_attributes(
    {
        "s": {"S": "abc"},
        "n": {"N": "5"},
        "b": {"B": "eHl6"},
        "t": {"BOOL": True},
        "z": {"NULL": True},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]},
        "umlaut": {"S": "ü"},
        "l": {"L": [{"S": "a"}, {"N": "1"}, *[{"S": "x"}] * 10]},
        "m": {"M": {"k.dots": {"N": "1"}}},
    }
)
VALUES = read_attributes(
    {
        ":a": {"S": "a"},
        ":abc": {"S": "abc"},
        ":z": {"NULL": True},
        ":one": {"N": "1"},
        ":five": {"N": "5"},
        ":ten": {"N": "10"},
        ":two": {"N": "2"},
        ":xy": {"B": "eHk="},
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
        ("size(:abc) < :five", True),
        ("size(umlaut) = :two", True),
        (":five = n", True),
        ("(n) = (:five)", True),
        ("size((l)) > :one", True),
        ("NOT NOT n = :five", True),
        ("NOT NOT NOT n = :five", False),
        ("NOT (NOT (n = :five))", True),
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
     "n BETWEEN :one", "NOT", "n = :one OR OR n = :one", "n = 5",
     "n == :one", "n = 'x'", "n NOT IN (:one)", "_n = :one",
     "my-n = :one", "NOT n", "n[0 = :one", "n. = :one", "n[-1] = :one", "n = and", "if_not_exists(n, :one)", "n = n",
     "contains(n, n)", "contains(n, contains(n, :a))", "size(n)", "((n) = :one)) ", "n = :one ; n", "n IN :one",
     "n BETWEEN :one OR :ten", "f(f(f(n)))", "(" * 4000, "n = :one AND (" * 250, "NOT " * 1000 + "n = :one",
     "n IN (" + ", ".join([":one"] * 101) + ")", " OR ".join(["n = :one"] * 151), "a" + ".b" * 32 + " = :one",
     "n[99999999999] = :one", "\u0661 = :one"],
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
        return first.holds({"n": AttributeValue("N", "1")}, {":v": AttributeValue("N", number)})

    assert first is again
    assert (holds("1"), holds("2")) == (True, False)


def test_a_condition_knows_what_it_uses() -> None:
    condition = compile_condition("#k = :a AND m.x[1] > n", NAMES, where="ConditionExpression")

    assert condition.used.names == {"#k"}
    assert condition.used.values == {":a"}
    assert condition.used.paths == (("k.dots",), ("m", "x", 1), ("n",))
    with pytest.raises(ApiError, match="attribute value: :a"):
        condition.check_values({})


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("n", 'Syntax error; token: "<EOF>", near: "n"'),
        ("n = 5 AND s = :a", 'Syntax error; token: "5", near: "= 5 AND"'),
        ("n ! :one", 'Syntax error; token: "!", near: "n !"'),
        ("((n = :one))", "The expression has redundant parentheses;"),
        ("n = ((:one))", "The expression has redundant parentheses;"),
        ("foo(n)", "Invalid function name; function: foo"),
        ("size(n)", "The function is not allowed to be used this way in an expression; function: size"),
        ("list_append(n, :a) = :one", "The function is not allowed in a condition expression; function: list_append"),
        ("NAME = :a", "Attribute name is a reserved keyword; reserved keyword: NAME"),
        (
            "#unknown = :a",
            "An expression attribute name used in the document path is not defined; attribute name: #unknown",
        ),
        (
            "contains(m.x, m.x)",
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: contains, first operand: [m, x]",
        ),
        (
            "begins_with(n)",
            "Incorrect number of operands for operator or function; operator or function: begins_with, "
            "number of operands: 1",
        ),
        (
            "attribute_exists(:a)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (" OR ".join(["n = :one"] * 151), "The expression contains too many operators; operator count: 301"),
        (
            f"n IN ({', '.join([':one'] * 101)})",
            "The IN operator is provided with too many operands; number of operands: 101",
        ),
        ("n" * 4097, "Expression size has exceeded the maximum allowed size; expression size: 4097"),
    ],
)
def test_a_fault_is_told_in_awss_words(expression: str, message: str) -> None:
    with pytest.raises(ApiError) as error:
        compile_condition(expression, NAMES, where="FilterExpression")

    assert error.value.message == f"Invalid FilterExpression: {message}"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("n < :true", "operator or function: <, operand type: BOOL"),
        (":ba >= n", "operator or function: >=, operand type: SS"),
        ("n BETWEEN :true AND :ten", "operator or function: BETWEEN, operand type: BOOL"),
        (
            "n BETWEEN :ten AND :one",
            "requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: "
            "{N:10}, upper bound operand: AttributeValue: {N:1}",
        ),
        ("n BETWEEN :one AND :a", "requires same data type for lower and upper bounds"),
        ("begins_with(n, :one)", "operator or function: begins_with, operand type: N"),
        ("begins_with(size(s), :a)", "operator or function: begins_with, operand type: N"),
        ("size(:one) > :one", "operator or function: size, operand type: N"),
        ("attribute_type(n, :abc)", "Invalid attribute type name found; type: abc, valid types: {B,NULL,SS,BOOL,L,"),
        ("attribute_type(n, :one)", "operator or function: attribute_type, operand type: N"),
        ("attribute_type(n, s)", "operator or function: attribute_type, operand type: {NS,"),
    ],
)
def test_operands_are_judged_before_any_item_is_read(expression: str, words: str) -> None:
    condition = compile_condition(expression, NAMES, where="FilterExpression")
    with pytest.raises(ApiError) as error:
        condition.check_values(VALUES)

    assert error.value.message.startswith("Invalid FilterExpression: ")
    assert words in error.value.message


def test_the_deepest_expression_within_the_limits_is_evaluated() -> None:
    expression = "n < s " + "OR (n < s " * 148 + "OR (n = :five" + ")" * 149
    condition = compile_condition(expression, {}, where="ConditionExpression")

    assert condition.holds(ITEM, VALUES)

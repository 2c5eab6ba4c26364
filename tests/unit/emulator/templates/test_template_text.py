"""Templates as text: YAML as CloudFormation reads it, JSON, and where things stand in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.templates.errors import Problem, TemplateError
from emulator.templates.source import load

HEAD = "Resources:\n  A:\n    Type: T\n    Properties:\n      X: "


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("!Ref B", {"Ref": "B"}, id="Ref"),
        pytest.param("!Sub '${B}-x'", {"Fn::Sub": "${B}-x"}, id="Sub"),
        pytest.param("!GetAtt B.Arn", {"Fn::GetAtt": ["B", "Arn"]}, id="GetAtt with a dot"),
        pytest.param("!GetAtt B.Outputs.Name", {"Fn::GetAtt": ["B", "Outputs.Name"]}, id="GetAtt of a nested stack"),
        pytest.param("!GetAtt [B, Arn]", {"Fn::GetAtt": ["B", "Arn"]}, id="GetAtt of a list"),
        pytest.param("!Join ['-', [a, !Ref B]]", {"Fn::Join": ["-", ["a", {"Ref": "B"}]]}, id="nested"),
        pytest.param("!Condition C", {"Condition": "C"}, id="Condition"),
        pytest.param("2012-10-17", "2012-10-17", id="a date is text"),
        pytest.param("yes", True, id="yes is true in YAML 1.1"),
        pytest.param("'012345678901'", "012345678901", id="quoted digits are text"),
        pytest.param("012345678901", "012345678901", id="an account id that is no octal number"),
        pytest.param("3", 3, id="a number"),
        pytest.param("0.5", 0.5, id="a fraction"),
        pytest.param("{200: a}", {"200": "a"}, id="keys are text"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_values_of_yaml(written: str, meant: object) -> None:
    assert load(HEAD + written + "\n", "t.yaml").tree["Resources"]["A"]["Properties"]["X"] == meant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(HEAD + "!Reff B", "t.yaml:5: there is no function !Reff", id="an unknown tag"),
        pytest.param("Resources: [", "t.yaml:2: not YAML: ", id="unfinished"),
        pytest.param(
            "Resources:\n\tA: {}\n", "t.yaml:2: not YAML: it is indented by a tab, where spaces belong", id="a tab"
        ),
        pytest.param(
            "Resources:\n  A:\n    B: 1\n   C: 2\n",
            "t.yaml:4: not YAML: did not find expected key (while parsing a block mapping that begins in line 2)",
            id="a space too few",
        ),
        pytest.param("hello", "t.yaml:1: not a template: ", id="text"),
        pytest.param(
            "Description: x\n", "t.yaml:1: Resources: a template has at least one resource", id="no resources"
        ),
        pytest.param("Resources: &a\n  A: *a\n", "t.yaml:1: an alias stands inside", id="an alias of itself"),
        pytest.param("a: 1\n---\nb: 1\n", "t.yaml:2: not YAML", id="two documents"),
        pytest.param("Resources:\n  ? [a]\n  : 1\n", "t.yaml:2: a key must be text", id="a list as key"),
    ],
)
def test_text_that_is_no_template(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        load(text, "t.yaml")

    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_json_that_is_none_is_refused_with_its_line() -> None:
    with pytest.raises(TemplateError, match=r"^t\.json:2: not JSON"):
        load('{"Resources": {\n x', "t.json")


def test_of_a_key_that_stands_twice_the_last_counts_and_it_is_told() -> None:
    yaml = load("Resources:\n  A: 1\n  B: 2\n  A: 3\n", "t.yaml")
    written = load('{"Resources": {"A": 1, "B": 2, "A": 3}}', "t.json")

    assert yaml.tree == written.tree == {"Resources": {"A": 3, "B": 2}}
    assert yaml.notes == ("t.yaml:4: the key 'A' stands here and in line 2; what stands last counts",)
    assert written.notes == ("t.json: the key 'A' stands twice in one object; what stands last counts",)
    assert yaml.line(("Resources", "A")) == 4


def test_an_anchor_is_merged() -> None:
    text = "Resources:\n  A: &a {Type: T, X: 1}\n  B:\n    <<: *a\n    X: 2\n"

    assert load(text, "t.yaml").tree["Resources"]["B"] == {"Type": "T", "X": 2}


@pytest.mark.parametrize("written", ["yaml", "json"])
def test_a_problem_is_told_with_its_line(written: str) -> None:
    text = "Resources:\n  A:\n    Type: T\n    Properties:\n      List:\n        - 1\n        - {Deep: x}\n"
    if written == "json":
        text = '{\n"Resources": {\n"A": {\n"Type": "T",\n"Properties": {"List": [1,\n\n{"Deep": "x"}]}}}}'

    source = load(text, f"t.{written}")
    error = source.error(Problem(("Resources", "A", "Properties", "List", 1, "Deep"), "is wrong"))

    assert str(error) == f"t.{written}:7: Resources.A.Properties.List[1].Deep: is wrong"


def test_what_a_transform_made_is_told_where_it_comes_from() -> None:
    source = load("Resources:\n  Other: {Type: T}\n  Chat: {Type: T}\n", "t.yaml")

    assert source.line(("Resources", "ChatRoute", "Properties", "Target")) == 3


LOOPS = """\
Resources:
  Fn::ForEach::Rooms:
    - Room
    - [a, b]
    - Fn::ForEach::Sides:
        - Side
        - [x, y]
        - ${Room}${Side}Door:
            Type: AWS::SQS::Queue
            Properties:
              QueueName: !Sub ${Room}
      Key${Room}:
        Type: AWS::SQS::Queue
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("Resources", "Keya"), 12),
        (("Resources", "axDoor", "Properties", "QueueName"), 11),
        (("Resources", "axDoorRole", "Properties", "Policies"), 10),
        (("Resources", "Other"), 1),
    ],
    ids=["a resource", "a property, two loops deep", "what a transform made of it", "of no loop"],
)
def test_what_a_loop_made_is_found_in_the_loop(path: tuple[str, ...], line: int) -> None:
    assert load(LOOPS, "t.yaml").line(path) == line


DEEP = "[" * 250 + "]" * 250
LAUGHS = "\n".join(f"  A{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(9))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(f'{{"Resources": {{"A": {DEEP}}}}}', "t.json: too deeply nested", id="deep JSON"),
        pytest.param(f"Resources:\n  A: {DEEP}\n", "t.json: too deeply nested", id="deep YAML"),
        pytest.param(f"Resources:\n{LAUGHS}\n", "t.json: too many values", id="aliases of aliases"),
        pytest.param(
            '{"Resources": {"A": {"Text": "a\\ud83d"}}}',
            """t.json: half a surrogate pair is no character: '": {"A": {"Text": "a\\ud83d'""",
            id="half a surrogate pair",
        ),
    ],
)
def test_what_nobody_could_walk_through_or_write_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(TemplateError) as refused:
        load(text, "t.json")

    assert str(refused.value) == complaint


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), TREES, min_size=1, max_size=4))
def test_any_json_is_read_as_it_is_and_each_of_its_places_has_a_line(resources: dict[str, object]) -> None:
    source = load(json.dumps({"Resources": resources}, indent=1), "t.json")

    assert source.tree == {"Resources": resources}
    lines = [source.line(("Resources", name)) for name in resources]
    assert lines == sorted(lines)


@given(st.text(max_size=60))
def test_any_text_is_a_template_or_refused_in_one_line(text: str) -> None:
    refusal = ""
    try:
        load(text, "t.yaml")
    except TemplateError as error:
        refusal = str(error)
    assert "\n" not in refusal

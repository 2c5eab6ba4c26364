"""The parameter store. [DOC] ssm-docs:API_PutParameter, API_GetParameter, API_GetParametersByPath"""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.parameters import ParameterError, ParameterStore

ARN = "arn:aws:ssm:us-east-1:123456789012:parameter"


class Store:
    def __init__(self) -> None:
        self._store = ParameterStore("us-east-1", "123456789012")
        self.now = 1_000.0

    def __call__(self, operation: str, **parameters: Any) -> Any:
        return self._store.perform(operation, parameters, now=self.now)

    def put(self, name: str, value: str = "value", **more: Any) -> Any:
        return self("PutParameter", **{"Name": name, "Value": value, "Type": "String", **more})

    def refused(self, operation: str, **parameters: Any) -> str:
        with pytest.raises(ParameterError) as error:
            self(operation, **parameters)
        return error.value.code


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_parameter_comes_back_with_its_version(store: Store) -> None:
    assert store.put("/shop/url", "a") == {"Version": 1, "Tier": "Standard"}
    store.now = 2_000.0
    assert store.put("/shop/url", "b", Overwrite=True)["Version"] == 2

    assert store("GetParameter", Name="/shop/url") == {
        "Parameter": {
            "Name": "/shop/url",
            "Type": "String",
            "Value": "b",
            "Version": 2,
            "LastModifiedDate": 2_000.0,
            "ARN": f"{ARN}/shop/url",
            "DataType": "text",
        }
    }
    old = store("GetParameter", Name="/shop/url:1")["Parameter"]
    assert (old["Value"], old["Selector"]) == ("a", ":1")
    assert [each["Value"] for each in store("GetParameterHistory", Name="/shop/url")["Parameters"]] == ["a", "b"]


@pytest.mark.parametrize("name", ["/shop/url", f"{ARN}/shop/url"])
def test_a_parameter_is_found_by_name_and_by_arn(store: Store, name: str) -> None:
    store.put("/shop/url")

    assert store("GetParameter", Name=name)["Parameter"]["Name"] == "/shop/url"


def test_a_name_without_a_path_is_found_by_its_arn(store: Store) -> None:
    store.put("plain")

    assert store("GetParameter", Name=f"{ARN}/plain")["Parameter"]["ARN"] == f"{ARN}/plain"


def test_what_is_secure_is_read_only_where_it_is_decrypted(store: Store) -> None:
    store.put("key", "secret", Type="SecureString")

    assert store("GetParameter", Name="key")["Parameter"]["Value"] != "secret"
    assert store("GetParameter", Name="key", WithDecryption=True)["Parameter"]["Value"] == "secret"
    assert store("DescribeParameters")["Parameters"][0]["KeyId"] == "alias/aws/ssm"


def test_several_are_asked_for_and_deleted_at_once(store: Store) -> None:
    store.put("a")
    store.put("b")

    found = store("GetParameters", Names=["b", "none", "a"])
    assert ([each["Name"] for each in found["Parameters"]], found["InvalidParameters"]) == (["b", "a"], ["none"])
    assert store("DeleteParameters", Names=["a", "none"]) == {
        "DeletedParameters": ["a"],
        "InvalidParameters": ["none"],
    }
    assert store("DeleteParameter", Name="b") == {}
    assert store("DescribeParameters")["Parameters"] == []


def test_a_path_has_what_is_below_it_page_by_page(store: Store) -> None:
    for name in ("/shop/a", "/shop/b", "/shop/deep/c", "/shopping/d"):
        store.put(name)

    flat = store("GetParametersByPath", Path="/shop/")["Parameters"]
    assert [each["Name"] for each in flat] == ["/shop/a", "/shop/b"]
    deep = store("GetParametersByPath", Path="/shop", Recursive=True, MaxResults=2)
    assert [each["Name"] for each in deep["Parameters"]] == ["/shop/a", "/shop/b"]
    rest = store("GetParametersByPath", Path="/shop", Recursive=True, MaxResults=2, NextToken=deep["NextToken"])
    assert ([each["Name"] for each in rest["Parameters"]], "NextToken" in rest) == (["/shop/deep/c"], False)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"Key": "Name", "Option": "BeginsWith", "Values": ["/shop/"]}, ["/shop/a", "/shop/b"]),
        ({"Key": "Name", "Option": "Contains", "Values": ["b"]}, ["/shop/b"]),
        ({"Key": "Name", "Values": ["other"]}, ["other"]),
        ({"Key": "Type", "Values": ["SecureString"]}, ["/shop/b"]),
        ({"Key": "Path", "Option": "Recursive", "Values": ["/"]}, ["/shop/a", "/shop/b"]),
    ],
    ids=["begins", "contains", "equals", "type", "path"],
)
def test_descriptions_can_be_filtered(store: Store, asked: dict[str, Any], names: list[str]) -> None:
    store.put("/shop/a")
    store.put("/shop/b", Type="SecureString")
    store.put("other")

    found = store("DescribeParameters", ParameterFilters=[asked])["Parameters"]
    assert [each["Name"] for each in found] == names


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("GetParameter", {"Name": "none"}, "ParameterNotFound"),
        ("GetParameter", {"Name": "there:7"}, "ParameterVersionNotFound"),
        ("GetParameter", {}, "ValidationException"),
        ("DeleteParameter", {"Name": "none"}, "ParameterNotFound"),
        ("GetParameterHistory", {"Name": "none"}, "ParameterNotFound"),
        ("PutParameter", {"Name": "there", "Value": "b", "Type": "String"}, "ParameterAlreadyExists"),
        ("PutParameter", {"Name": "new", "Value": "b"}, "ValidationException"),
        ("PutParameter", {"Name": "new", "Value": "b", "Type": "Text"}, "ValidationException"),
        ("PutParameter", {"Name": "new", "Value": "", "Type": "String"}, "ValidationException"),
        ("PutParameter", {"Name": "new", "Value": "b" * 4097, "Type": "String"}, "ValidationException"),
        ("PutParameter", {"Name": "a/b", "Value": "b", "Type": "String"}, "ValidationException"),
        ("PutParameter", {"Name": "/aws/a", "Value": "b", "Type": "String"}, "ValidationException"),
        ("PutParameter", {"Name": "/a" * 16, "Value": "b", "Type": "String"}, "HierarchyLevelLimitExceededException"),
        (
            "PutParameter",
            {"Name": "new", "Value": "b", "Type": "String", "AllowedPattern": "^a"},
            "ParameterPatternMismatchException",
        ),
        ("GetParametersByPath", {"Path": "shop"}, "ValidationException"),
        ("DescribeParameters", {"NextToken": "what"}, "InvalidNextToken"),
    ],
)
def test_what_aws_refuses_is_refused(store: Store, operation: str, parameters: dict[str, Any], code: str) -> None:
    store.put("there")

    assert store.refused(operation, **parameters) == code


def test_an_unknown_operation_is_nobodys(store: Store) -> None:
    assert store("SendCommand") is None

"""Lambda's types of resources. Pure data. [DOC] cfn-docs:AWS_Lambda"""

from __future__ import annotations

from typing import Final

from .kind import Kind, Meaning

VERSION_NUMBER: Final = "streamer:version"
"""In the metadata of a version of a function or a layer that a call published: its number. Templates' are the first."""
PUBLISHED: Final = "streamer:published"
"""Likewise: the function as it was then."""
_ARN: Final = "arn:{partition}:lambda:{region}:{account}:"

KINDS: Final = (
    Kind(
        type="AWS::Lambda::Function",
        noun="function",
        attributes={"Arn": _ARN + "function:{name}"},
        name_property="FunctionName",
    ),
    Kind(
        type="AWS::Lambda::Version",
        noun="version",
        ref="{function_arn}:{version}",
        attributes={"Version": "{version}", "FunctionArn": "{function_arn}:{version}"},
    ),
    Kind(
        type="AWS::Lambda::Alias",
        noun="alias",
        ref="{function_arn}:{p[Name]}",
        attributes={"AliasArn": "{function_arn}:{p[Name]}"},
    ),
    Kind(
        type="AWS::Lambda::LayerVersion",
        noun="layer",
        ref=_ARN + "layer:{name}:{version}",
        attributes={"LayerVersionArn": _ARN + "layer:{name}:{version}"},
        name_property="LayerName",
    ),
    Kind(
        type="AWS::Lambda::EventSourceMapping",
        noun="event source mapping",
        ref="{uuid}",
        attributes={"Id": "{uuid}", "EventSourceMappingArn": _ARN + "event-source-mapping:{uuid}"},
    ),
    Kind(type="AWS::Lambda::EventInvokeConfig", noun="asynchronous invocation setting"),
    Kind(
        type="AWS::Lambda::Permission",
        meaning=Meaning.IGNORED,
        noun="Lambda permission",
        attributes={"Id": "{uuid}"},
    ),
    Kind(
        type="AWS::Lambda::LayerVersionPermission",
        meaning=Meaning.IGNORED,
        noun="Lambda permission",
        attributes={"Id": "{uuid}"},
    ),
    Kind(
        type="AWS::Lambda::Url",
        noun="function URL",
        ref="{function_arn}",
        attributes={
            "FunctionArn": "{function_arn}",
            "FunctionUrl": "https://{id}.lambda-url.{region}.on.aws/",
        },
    ),
)

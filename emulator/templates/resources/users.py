"""Types of resources of Cognito. Pure data. [DOC] cfn-docs:AWS_Cognito"""

from __future__ import annotations

from typing import Final

from .kind import Kind, Meaning

_POOL: Final = "AWS::Cognito::UserPool"

KINDS: Final = (
    Kind(
        type=_POOL,
        noun="user pool",
        ref="{region}_{id:.9}",
        attributes={
            "Arn": "arn:{partition}:cognito-idp:{region}:{account}:userpool/{region}_{id:.9}",
            "ProviderName": "cognito-idp.{region}.{suffix}/{region}_{id:.9}",
            "ProviderURL": "https://cognito-idp.{region}.{suffix}/{region}_{id:.9}",
            "UserPoolId": "{region}_{id:.9}",
        },
        name_property="UserPoolName",
        longest=128,
    ),
    Kind(
        type=f"{_POOL}Client",
        noun="user pool client",
        ref="{id}",
        attributes={"ClientId": "{id}", "ClientSecret": "{secret}", "Name": "{name}"},
        name_property="ClientName",
        longest=128,
    ),
    Kind(type=f"{_POOL}Group", noun="user group", name_property="GroupName", longest=128),
    Kind(type=f"{_POOL}User", noun="user", name_property="Username", longest=128),
    Kind(type=f"{_POOL}UserToGroupAttachment", noun="group membership"),
    Kind(
        type=f"{_POOL}Domain",
        meaning=Meaning.IGNORED,
        noun="user pool domain",
        ref="{p[Domain]}",
        attributes={"CloudFrontDistribution": "{id}.cloudfront.net"},
    ),
    Kind(type=f"{_POOL}ResourceServer", meaning=Meaning.IGNORED, noun="resource server", ref="{p[Identifier]}"),
    Kind(
        type="AWS::Cognito::IdentityPool",
        meaning=Meaning.IGNORED,
        noun="identity pool",
        ref="{region}:{uuid}",
        attributes={"Name": "{name}"},
        name_property="IdentityPoolName",
        longest=128,
    ),
    Kind(type="AWS::Cognito::IdentityPoolRoleAttachment", meaning=Meaning.IGNORED, noun="identity pool role"),
)

"""What functions of custom runtimes answer a user pool: it need not be JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_functions import Answers

from emulator.functions.outcome import Failed, Outcome, Returned
from emulator.port.http import HttpRequest
from emulator.services.cognito.service import UserPools

ARN = "arn:aws:lambda:us-east-1:123456789012:function:check"


async def asked(pools: UserPools, operation: str, **parameters: Any) -> Any:
    target = f"AWSCognitoIdentityProviderService.{operation}"
    answer = await pools.answer(
        HttpRequest("POST", "/", (), json.dumps(parameters).encode(), "", {"x-amz-target": target})
    )
    assert answer is not None
    return json.loads(answer.body)


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        (Failed(b"it broke", "id"), "UserLambdaValidationException", "PreSignUp failed with error it broke."),
        (Returned(b"Echoing", "id"), "InvalidLambdaResponseException", "Unrecognizable lambda output"),
    ],
)
async def test_what_is_no_json_is_the_functions_fault(outcome: Outcome, code: str, said: str) -> None:
    pools = UserPools("us-east-1", "123456789012", Answers(outcome))
    pool = await asked(pools, "CreateUserPool", PoolName="p", LambdaConfig={"PreSignUp": ARN})
    client = await asked(pools, "CreateUserPoolClient", UserPoolId=pool["UserPool"]["Id"], ClientName="web")
    client_id = client["UserPoolClient"]["ClientId"]

    answer = await asked(pools, "SignUp", ClientId=client_id, Username="ada", Password="Passw0rd!")

    assert answer == {"__type": code, "message": said}

"""Errors of botocore, translated once into one line that says what to do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import botocore.exceptions as errors
from botocore.parsers import ResponseParserError

from ..errors import CredentialsError, DeniedError, DeployError, GoneError

_REJECTED: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
"""[DOC] the common errors of CloudFormation (Query) and of Lambda and DynamoDB (JSON), S3's list of error codes."""
_UNKNOWN: Final = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
"""What is said in a Region that the account has not enabled, too. [USR] ekristen/aws-nuke#774"""
_OTHER_TIME: Final = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_OTHER_TIME_SAID: Final = ("Signature expired", "Signature not yet current")
"""[DOC] IAM user guide, troubleshooting of signatures: how messages of errors about signatures begin then."""
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"})
NO_REGION: Final = "no region is set; write `region` into streamer.toml, or set AWS_REGION"
_NOT_AWS: Final = "what answered is not AWS; is there a proxy, or a page to log in, on the way?"


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn botocore's errors into ours.

    Raises:
        CredentialsError: credentials are missing, incomplete, expired or refused.
        DeniedError: a permission is missing.
        GoneError: there is no such stack or change set.
        DeployError: anything else that AWS, or the way to it, said.
    """
    try:
        yield
    except errors.ClientError as exc:
        raise _domain_error(exc, doing) from exc
    except (errors.BotoCoreError, ResponseParserError) as exc:
        raise _of_the_way(exc, doing) from exc
    except json.JSONDecodeError as exc:  # botocore reads all other JSON forgivingly
        raise CredentialsError("the AWS credentials cannot be loaded: credential_process prints no JSON") from exc
    except EOFError as exc:  # botocore asks for the code of a profile with `mfa_serial`
        raise CredentialsError(
            "the AWS profile asks for an MFA code, and there is no terminal to ask on; name a --profile without"
        ) from exc
    except OSError as exc:  # the network's are botocore's
        raise CredentialsError(f"the AWS credentials cannot be loaded: {_one_line(exc)}") from exc
    except ValueError as exc:
        raise DeployError(f"{doing} failed: {_one_line(exc)}; is the AWS configuration right?") from exc


def _of_the_way(exc: Exception, doing: str) -> DeployError:
    """What went wrong before AWS answered."""
    match exc:
        case errors.NoCredentialsError() | errors.PartialCredentialsError():
            return CredentialsError(
                "there are no AWS credentials here; run `aws configure` or `aws sso login`, or name a --profile"
            )
        case errors.ProfileNotFound() | errors.ConfigParseError():
            return CredentialsError(f"{_one_line(exc)}; `aws configure list-profiles` shows those that exist")
        case errors.SSOTokenLoadError() | errors.TokenRetrievalError():
            return CredentialsError(f"the AWS credentials cannot be loaded: {_one_line(exc)}; run `aws sso login`")
        case errors.CredentialRetrievalError() | errors.SSOError() | errors.LoginError():
            return CredentialsError(f"the AWS credentials cannot be loaded: {_one_line(exc)}")
        case errors.NoRegionError():
            return DeployError(NO_REGION)
        case errors.WaiterError() if why := _waited_for(exc.last_response):
            return DeployError(f"{doing} failed: {why}")
        case errors.EndpointConnectionError() | errors.ConnectTimeoutError() | errors.InvalidRegionError():
            return DeployError(f"AWS cannot be reached while {doing}: is the region right? ({_one_line(exc)})")
        case errors.SSLError():
            return DeployError(f"{doing} failed: {_one_line(exc)}; AWS_CA_BUNDLE names the certificates of a proxy")
        case ResponseParserError():
            return DeployError(f"{doing} failed: {_NOT_AWS}")
    return DeployError(f"{doing} failed: {_one_line(exc)}")


def _waited_for(last: Mapping[str, Any]) -> str:
    """Why what was waited for failed, as far as the last answer says so.

    [DOC] lambda-api:GetProvisionedConcurrencyConfig, lambda-api:FunctionConfiguration
    """
    return str(last.get("StatusReason") or last.get("Configuration", {}).get("LastUpdateStatusReason", ""))


def _domain_error(exc: errors.ClientError, doing: str) -> DeployError:
    code, message = code_of(exc), exc.response.get("Error", {}).get("Message", "")
    if "Error" not in exc.response:
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "?")
        return DeployError(f"{doing} failed (HTTP {status}): {_NOT_AWS}")
    if code == "ResourceNotFoundException" and exc.operation_name == "FilterLogEvents":
        return DeployError(f"{doing} failed: there is no such log group; is the function's name right, and deployed?")
    if code in _OTHER_TIME or (code in _REJECTED and message.startswith(_OTHER_TIME_SAID)):
        return CredentialsError(f"AWS has another time than this machine ({code}): set the clock here")
    if code in _REJECTED:
        way = "log in again or name a --profile"
        way = f"{way}, or enable the Region for the account" if code in _UNKNOWN else way
        return CredentialsError(f"AWS does not accept the credentials ({code}); {way}")
    if code in _DENIED:
        return DeniedError(f"not permitted while {doing} ({exc.operation_name}): {message or 'access denied'}")
    is_gone = code == "ChangeSetNotFound" or (code == "ValidationError" and "does not exist" in message)
    return (GoneError if is_gone else DeployError)(f"{doing} failed ({code}): {' '.join(message.split())}")


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())


def code_of(exc: errors.ClientError) -> str:
    """The code of an answer that is an error, such as ``ValidationError``."""
    return str(exc.response.get("Error", {}).get("Code", ""))

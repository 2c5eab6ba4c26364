"""Lambda's functions as its API has them, and as a template has them. Pure. [DOC] lambda-api:FunctionConfiguration"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from ....foundation.times import lambda_time
from ... import ids

SETTINGS: Final = (
    *("Architectures", "DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "FileSystemConfigs"),
    *("Handler", "ImageConfig", "KMSKeyArn", "Layers", "LoggingConfig", "MemorySize", "PackageType", "Role", "Runtime"),
    *("SnapStart", "Timeout", "TracingConfig", "VpcConfig"),
)
"""What of a function can be set, by the names that both the API and templates have."""
_KMS_KEY: Final = ("KMSKeyArn", "KmsKeyArn")
"""The one name that differs: the API's, and the template's."""


def properties(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the API is sent, as properties of a template."""
    found = {name: content[name] for name in SETTINGS if name in content}
    if _KMS_KEY[0] in found:
        found[_KMS_KEY[1]] = found.pop(_KMS_KEY[0])
    if isinstance(content.get("Tags"), dict):
        found["Tags"] = [{"Key": key, "Value": value} for key, value in content["Tags"].items()]
    return found


def tags(given: Mapping[str, Any]) -> dict[str, str]:
    """A function's tags, of its properties."""
    listed = given.get("Tags")
    return {str(each.get("Key")): str(each.get("Value")) for each in (listed if isinstance(listed, list) else ())}


def configuration(given: Mapping[str, Any], name: str, arn: str, changed: float, code: bytes) -> Mapping[str, Any]:
    """What is told of a function with these properties; ``changed`` is when it became so, in Unix seconds."""
    told = {each: given[each] for each in SETTINGS if each in given}
    if _KMS_KEY[1] in given:
        told[_KMS_KEY[0]] = given[_KMS_KEY[1]]
    variables = (given.get("Environment") or {}).get("Variables")
    if variables is not None:
        told["Environment"] = {"Variables": {each: _text(value) for each, value in variables.items()}}
    told["Layers"] = [{"Arn": str(each), "CodeSize": 0} for each in given.get("Layers") or ()]
    if "ImageConfig" in told:
        told["ImageConfigResponse"] = {"ImageConfig": told.pop("ImageConfig")}
    digest = base64.b64encode(hashlib.sha256(code).digest()).decode()
    return {
        "FunctionName": name,
        "FunctionArn": arn,
        "CodeSize": len(code),
        "CodeSha256": digest,
        "Description": "",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "TracingConfig": {"Mode": "PassThrough"},
        **told,
        "Timeout": int(given.get("Timeout", 3)),
        "MemorySize": int(given.get("MemorySize", 128)),
        "LastModified": lambda_time(changed),
        "Version": "$LATEST",
        "RevisionId": ids.uuid("revision", json.dumps(given, sort_keys=True, default=str), digest),
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)

"""Which names Lambda takes for environment variables. Pure."""

from __future__ import annotations

import re
from typing import Final

VARIABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
"""[DOC] lambda-api:Environment"""
RESERVED: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""Variables that Lambda sets itself, and refuses from others. [DOC] lambda-docs:configuration-envvars"""


def why_no_variable(name: str) -> str | None:
    """Why Lambda refuses a variable of this name, in words that follow a colon; None: it takes it."""
    if name in RESERVED:
        return "Lambda sets it itself"
    return None if VARIABLE.fullmatch(name) else "it takes letters, digits and '_', two at least"

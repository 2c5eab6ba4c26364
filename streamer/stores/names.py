"""What tables, indexes and the variables of buckets are called: the topology declares them, the stores use them."""

from __future__ import annotations

import re
from typing import Final

BY_OWNER: Final = "by_owner"
"""Index of connections by user, for broadcasts."""
BY_TENANT: Final = "by_tenant"
"""Index of connections by tenant, for broadcasts."""
BY_TARGET: Final = "by_target"
"""Index of subscriptions by what they are about, for fan-out."""
BY_DUE: Final = "by_due"
"""Index of requests that are not over by when somebody must see to them, for the sweep. Finished ones are not in it."""


def connections_table(table_prefix: str) -> str:
    """Name of the table of connections."""
    return f"{table_prefix}connections"


def requests_table(table_prefix: str) -> str:
    """Name of the table of requests."""
    return f"{table_prefix}requests"


def subscriptions_table(table_prefix: str) -> str:
    """Name of the table of subscriptions."""
    return f"{table_prefix}subscriptions"


def bucket_variable(bucket: str) -> str:
    """The environment variable in which functions find a bucket's name on S3: ``uploads`` is in ``UPLOADS_BUCKET``."""
    return re.sub(r"[^A-Za-z0-9]+", "_", bucket).upper() + "_BUCKET"

"""Links to S3 that are signed beforehand, with which somebody else puts one object. Pure: the time is an argument.

[DOC] s3-docs:sigv4-query-string-auth
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from streamer.aws_limits import url_suffix
from streamer.sending.signer import ALGORITHM, SigningKeys, signing_key

_UNSIGNED: Final = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """An object, which may not be there yet, and where its bucket is."""

    bucket: str
    key: str
    region: str
    endpoint: str | None = None
    """URL of another S3, which has buckets in its paths; None: AWS's of the Region."""

    @property
    def url(self) -> str:
        """The object's address. Of the Region itself: the global one redirects for new buckets, which no link survives.

        [DOC] s3-docs:VirtualHosting
        """
        key = quote(self.key, safe="/~")
        if self.endpoint is not None:
            return f"{self.endpoint.rstrip('/')}/{self.bucket}/{key}"
        return f"https://{self.bucket}.s3.{self.region}.{url_suffix(self.region)}/{key}"


def put_link(
    s3_object: S3Object, headers: Mapping[str, str], keys: SigningKeys, *, timestamp: str, seconds: int
) -> str:
    """A link that puts an object with exactly these headers, and no other.

    Args:
        s3_object: The object.
        headers: By names in lower case; whoever uses the link has to send them as they are. With ``content-length``
            S3 takes no more and no fewer bytes.
        keys: Whose rights the link has.
        timestamp: ``yyyymmddThhmmssZ``, from when on it is good.
        seconds: For how long, at most seven days; with temporary credentials not longer than these.
    """
    authority, _, path = s3_object.url.partition("://")[2].partition("/")
    signed = {**headers, "host": authority}
    names = ";".join(sorted(signed))
    scope = f"{timestamp[:8]}/{s3_object.region}/s3/aws4_request"
    asked = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key_id}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": names,
    }
    if keys.token is not None:
        asked["X-Amz-Security-Token"] = keys.token
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(asked.items()))
    lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
    # S3 alone signs paths as they are sent, encoded once.
    canonical = f"PUT\n/{path}\n{query}\n{lines}\n{names}\n{_UNSIGNED}"
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(signing_key(keys.secret_key, scope), text.encode(), "sha256").hex()
    return f"{s3_object.url}?{query}&X-Amz-Signature={signature}"

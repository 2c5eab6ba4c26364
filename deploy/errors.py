"""Every error of ``streamer deploy``: one line that says what is wrong and what to do.

The exit statuses that they stand for are in `deploy.moments`.

::

    ConfigurationError (streamer.errors)
    └── DeployError
        ├── BundleError        the code or its requirements cannot be packed
        ├── CredentialsError   there are no credentials, or AWS does not accept them
        ├── DeniedError        the credentials are good, but a permission is missing
        ├── GoneError          what was asked for is not there any more
        ├── StackStateError    the stack is in a state that must be left first
        ├── DangerError        a change destroys something and nobody asked for that
        ├── FailedError        CloudFormation tried and rolled back
        ├── UnwatchedError     AWS goes on, or may, and nobody watches
        └── StoppedError       Ctrl-C, SIGTERM, SIGHUP, or the answer no
"""

from __future__ import annotations

import errno
import re
from typing import Final

from streamer.errors import ConfigurationError

_USER: Final = re.compile(r"(\w:/+)[^/\s]+@")
"""Whoever is named in an address; taken for a path it has one slash only."""


class DeployError(ConfigurationError):
    """Deploying is not possible like this. Base of all errors of this package.

    What is said of requirements, proxies and endpoints holds their addresses. Who is named in one is not told: that is
    a name with its password, or a token.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_USER.sub(r"\1****@", message))


class BundleError(DeployError):
    """The code, or one of its requirements, cannot be packed for Lambda."""


class CredentialsError(DeployError):
    """There are no AWS credentials, or AWS does not accept them."""


class DeniedError(DeployError):
    """The credentials are good, but a permission is missing."""


class GoneError(DeployError):
    """What was asked for is not there, or not any more."""


class StackStateError(DeployError):
    """The stack is in a state that must be left before it can be changed."""


class DangerError(DeployError):
    """A change would destroy or replace something that holds data or clients, without the explicit word for it."""


class FailedError(DeployError):
    """CloudFormation tried and failed; the message names the root cause."""


class UnwatchedError(DeployError):
    """AWS goes on with what was begun, or may: it cannot be asked any more. The message says how to look."""


class StoppedError(DeployError):
    """A signal (Ctrl-C, SIGTERM, SIGHUP), or the answer no.

    The message says what AWS does now, if anything, and how to follow it.
    """


def unwritten(error: OSError) -> DeployError:
    """What it means that the output could not be written, as when it is piped into a program that has ended."""
    if error.errno == errno.EPIPE:
        return DeployError("nobody reads the output any more")
    return DeployError(f"the output cannot be written: {error.strerror}")

"""Every error of ``streamer deploy``: one line that says what is wrong and what to do; the command exits with 2.

::

    ConfigurationError (streamer.errors)
    └── DeployError
        ├── BundleError        the code or its requirements cannot be packed
        ├── CredentialsError   there are no credentials, or AWS does not accept them
        ├── DeniedError        the credentials are good, but a permission is missing
        ├── StackStateError    the stack is in a state that must be left first
        ├── DangerError        a change destroys something and nobody asked for that
        ├── FailedError        CloudFormation tried and rolled back
        └── StoppedError       Ctrl-C while AWS was working
"""

from __future__ import annotations

from streamer.errors import ConfigurationError


class DeployError(ConfigurationError):
    """Deploying is not possible like this. Base of all errors of this package."""


class BundleError(DeployError):
    """The code, or one of its requirements, cannot be packed for Lambda."""


class CredentialsError(DeployError):
    """There are no AWS credentials, or AWS does not accept them."""


class DeniedError(DeployError):
    """The credentials are good, but a permission is missing."""


class StackStateError(DeployError):
    """The stack is in a state that must be left before it can be changed."""


class DangerError(DeployError):
    """A change would destroy or replace something that holds data or clients, without the explicit word for it."""


class FailedError(DeployError):
    """CloudFormation tried and failed; the message names the root cause."""


class StoppedError(DeployError):
    """Ctrl-C while AWS was working. The message says what AWS goes on to do and how to follow it."""

"""The boundary of `deploy.cloud`, fulfilled by boto3. The only module here that makes clients of boto3.

Every error of botocore is translated by `deploy.aws.errors`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
import botocore.config
import botocore.exceptions as errors
import botocore.session

from streamer.sending.signer import SigningKeys
from streamer.stores.local_clients import SESSION_VARIABLES, proxies

from ..cloud import Account, BucketState, Change, ChangeSet, Event, Proposal, Resource, Stack
from . import shapes
from .errors import code_of, translated
from .there import There


def _config() -> botocore.config.Config:
    """Patient with throttling, unless the environment says how many attempts to make."""
    attempts = {} if "AWS_MAX_ATTEMPTS" in os.environ else {"max_attempts": 6}
    return botocore.config.Config(retries={"mode": "standard", **attempts}, connect_timeout=5, read_timeout=60)


class Aws(There):
    """AWS as deploying sees it. Clients are made when they are first needed."""

    def __init__(self, *, region: str | None = None, profile: str | None = None) -> None:
        """Without I/O; a profile that is not there is told by the first question, as wrong credentials are."""
        # boto3 knows AWS_DEFAULT_REGION alone; the AWS CLI and all other SDKs go by this one before.
        self._region = region or os.environ.get("AWS_REGION") or None
        self._profile = profile
        self._clients: dict[str, Any] = {}
        self._stacks: dict[str, str] = {}
        """Id of a change set to its stack: IAM allows what is done to stacks, so every call names one."""

    @functools.cached_property
    def _session(self) -> boto3.session.Session:
        with translated("loading the AWS configuration"):
            return boto3.session.Session(region_name=self._region, profile_name=self._profile)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            with translated(f"making a client of {service}"):
                self._clients[service] = self._session.client(service, config=_config())
        return self._clients[service]

    def client(self, service: str) -> Any:
        """A client of a service, whose errors are its own: for what does not deploy."""
        return self._client(service)

    def account(self) -> Account:
        """Whose credentials these are."""
        with translated("asking who we are"):
            sts = self._client("sts")
            return Account(account_id=sts.get_caller_identity()["Account"], region=sts.meta.region_name)

    def stack(self, name: str) -> Stack | None:
        """A stack by name, or by id also when it is deleted."""
        with translated(f"looking at the stack {name}"):
            try:
                found = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"]
            except errors.ClientError as exc:
                if code_of(exc) == "ValidationError" and "does not exist" in exc.response["Error"]["Message"]:
                    return None
                raise
        return shapes.stack(found[0]) if found else None

    def deployed_template(self, name: str) -> Mapping[str, Any]:
        """The template of an existing stack."""
        with translated(f"reading the template of {name}"):
            body = self._client("cloudformation").get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        return _loaded(body)

    def proposed_template(self, change_set_id: str) -> Mapping[str, Any]:
        """The template that a change set brings."""
        with translated("reading the template of the change set"):
            cloudformation = self._client("cloudformation")
            names = self._set_named(change_set_id)
            body = cloudformation.get_template(**names, TemplateStage="Original")["TemplateBody"]
        return _loaded(body)

    def resources(self, name: str) -> Sequence[Resource]:
        """All resources of a stack."""
        with translated(f"listing the resources of {name}"):
            pages = self._client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
            return [shapes.resource(found) for page in pages for found in page["StackResourceSummaries"]]

    def events(self, stack_id: str, after: str | None) -> Sequence[Event]:
        """Events newer than ``after``, oldest first."""
        newer: list[Event] = []
        with translated(f"reading the events of {stack_id}"):
            pages = self._client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_id)
            for found in (found for page in pages for found in page["StackEvents"]):
                if found["EventId"] == after:
                    break
                newer.append(shapes.event(found))
        return newer[::-1]

    def last_event(self, stack_id: str) -> str | None:
        """The id of the newest event, which is the first one of the first page."""
        with translated(f"reading the events of {stack_id}"):
            found = self._client("cloudformation").describe_stack_events(StackName=stack_id)["StackEvents"]
        return str(found[0]["EventId"]) if found else None

    def bucket(self, name: str, account: Account) -> BucketState:
        """Whether a bucket is ours."""
        with translated(f"looking at the bucket {name}"):
            try:
                found = self._client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=account.account_id)
            except errors.ClientError as exc:
                match exc.response["ResponseMetadata"]["HTTPStatusCode"]:
                    case 404:
                        return BucketState.ABSENT
                    case 301:
                        return BucketState.ELSEWHERE
                    case 403 | 400:
                        return BucketState.FOREIGN
                raise
        is_here = found.get("BucketRegion", account.region) == account.region
        return BucketState.OURS if is_here else BucketState.ELSEWHERE

    def is_closed(self, name: str, account: Account) -> bool:
        """Whether a bucket that we made was finished: the policy is what it gets last."""
        with translated(f"looking at the bucket {name}"):
            try:
                self._client("s3").get_bucket_policy(Bucket=name, ExpectedBucketOwner=account.account_id)
            except errors.ClientError as exc:
                return code_of(exc) != "NoSuchBucketPolicy"
        return True

    def create_bucket(self, name: str, account: Account) -> None:
        """Make a private bucket; S3 encrypts and closes new buckets by itself, the block makes sure of it."""
        # [DOC] s3-api:CreateBucket: us-east-1 must not be named as a constraint.
        place = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
        with translated(f"creating the bucket {name}"):
            s3 = self._client("s3")
            try:
                s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
            except errors.ClientError as exc:
                # Somebody else's first deployment, or our own request whose answer was lost, was faster.
                is_there = code_of(exc) in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists", "OperationAborted")
                if not is_there or self.bucket(name, account) is not BucketState.OURS:
                    raise
            self._close(s3, {"Bucket": name, "ExpectedBucketOwner": account.account_id})

    def _close(self, s3: Any, bucket: Mapping[str, str]) -> None:
        """Close a bucket to the public and to what is not TLS, and say what is in it."""
        closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration=dict.fromkeys(closed, True))
        s3.put_bucket_tagging(**bucket, Tagging={"TagSet": [{"Key": "streamer:holds", "Value": "code"}]})
        rule = {
            "ID": "what-never-arrived",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
        s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": [rule]})
        s3.put_bucket_policy(**bucket, Policy=shapes.bucket_policy(bucket["Bucket"], s3.meta.partition))

    def has_object(self, bucket: str, key: str, account: Account) -> bool:
        """Whether an object exists in a bucket of ours."""
        with translated(f"looking for s3://{bucket}/{key}"):
            try:
                self._client("s3").head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=account.account_id)
            except errors.ClientError as exc:
                if exc.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return False
                raise
        return True

    def object_digest(self, bucket: str, key: str, account: Account) -> str | None:
        """The SHA-256 digest of an object, in base 64; None: S3 does not know it, or there is no such object."""
        with translated(f"looking for s3://{bucket}/{key}"):
            owner = {"ExpectedBucketOwner": account.account_id}
            try:
                found = self._client("s3").head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **owner)
            except errors.ClientError as exc:
                if exc.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise
        digest: str | None = found.get("ChecksumSHA256") if found.get("ChecksumType") != "COMPOSITE" else None
        return digest

    def put_object(self, bucket: str, key: str, body: bytes, account: Account) -> None:
        """Upload an object; S3 refuses it when the bucket belongs to somebody else, or a byte was lost."""
        with translated(f"uploading to s3://{bucket}/{key}"):
            self._client("s3").put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ExpectedBucketOwner=account.account_id,
                ChecksumAlgorithm="SHA256",
            )

    def object_keys(self, bucket: str, prefix: str, account: Account) -> Sequence[str]:
        """Keys of a bucket of ours that begin so, in their order."""
        with translated(f"listing s3://{bucket}/{prefix}"):
            pages = self._client("s3").get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=account.account_id)
            return [each["Key"] for page in found for each in page.get("Contents", [])]

    def get_object(self, bucket: str, key: str, account: Account) -> bytes:
        """An object of a bucket of ours."""
        with translated(f"reading s3://{bucket}/{key}"):
            found = self._client("s3").get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=account.account_id)
            content: bytes = found["Body"].read()
        return content

    def object_url(self, bucket: str, key: str) -> str:
        """Where CloudFormation finds an object: below the endpoint that boto3 has for this partition and Region."""
        with translated("looking up the address of S3"):
            return f"{self._client('s3').meta.endpoint_url}/{bucket}/{key}"

    def propose(self, proposal: Proposal) -> str:
        """Make a change set; its id."""
        body = "TemplateURL" if proposal.template.startswith("http") else "TemplateBody"
        options: dict[str, Any] = {body: proposal.template}
        if proposal.role_arn is not None:
            options["RoleARN"] = proposal.role_arn
        if proposal.adopts_existing:
            options["ImportExistingResources"] = True
        if proposal.has_nested:
            options["IncludeNestedStacks"] = True
        if proposal.reverts_drift:
            options["DeploymentMode"] = "REVERT_DRIFT"
        with translated(f"proposing the change of {proposal.stack_name}"):
            cloudformation = self._client("cloudformation")
            try:
                made = cloudformation.create_change_set(
                    StackName=proposal.stack_name,
                    ChangeSetName=proposal.name,
                    ClientToken=proposal.name,
                    ChangeSetType="CREATE" if proposal.is_new else "UPDATE",
                    Parameters=[shapes.parameter(parameter) for parameter in proposal.parameters],
                    Tags=[{"Key": key, "Value": value} for key, value in proposal.tags.items()],
                    Capabilities=["CAPABILITY_IAM"],
                    RollbackConfiguration=shapes.rollback(proposal),
                    **options,
                )
            except cloudformation.exceptions.AlreadyExistsException:
                # The name serves once, so this is ours: the answer was lost, and the SDK asked again.
                names = {"StackName": proposal.stack_name, "ChangeSetName": proposal.name}
                made = {"Id": cloudformation.describe_change_set(**names)["ChangeSetId"]}
        self._stacks[str(made["Id"])] = proposal.stack_name
        return str(made["Id"])

    def _set_named(self, change_set_id: str) -> dict[str, str]:
        stack = self._stacks.get(change_set_id)
        return {"ChangeSetName": change_set_id} | ({"StackName": stack} if stack is not None else {})

    def change_set(self, change_set_id: str) -> ChangeSet:
        """A change set with all its changes, and those of its nested stacks."""
        with translated("reading the change set"):
            page, changes = self._pages_of(change_set_id, "")
        return ChangeSet(
            change_set_id=change_set_id,
            stack_id=page["StackId"],
            status=page["Status"],
            reason=page.get("StatusReason"),
            changes=tuple(changes),
            parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in page.get("Parameters", [])},
            execution=page.get("ExecutionStatus", "AVAILABLE"),
        )

    def _pages_of(self, change_set_id: str, within: str) -> tuple[Mapping[str, Any], list[Change]]:
        """The last page of a change set, and the changes of all."""
        changes: list[Change] = []
        options = self._set_named(change_set_id)
        while True:
            page: Mapping[str, Any] = self._client("cloudformation").describe_change_set(**options)
            for found in (change["ResourceChange"] for change in page.get("Changes", [])):
                changes.append(shapes.change(found, within))
                if "ChangeSetId" in found:
                    self._stacks[found["ChangeSetId"]] = found["PhysicalResourceId"]
                    changes += self._pages_of(found["ChangeSetId"], f"{changes[-1].logical_id}/")[1]
            if "NextToken" not in page:
                return page, changes
            options |= {"NextToken": page["NextToken"]}

    def refusals(self, change_set_id: str) -> Sequence[str]:
        """What CloudFormation has against a change set that it refused, which the change set itself does not say."""
        with translated("asking why the change set was refused"):
            pages = self._client("cloudformation").get_paginator("describe_events")
            found = pages.paginate(**self._set_named(change_set_id), Filters={"FailedEvents": True})
            said = [shapes.refusal(event) for page in found for event in page["OperationEvents"]]
        return [*dict.fromkeys(filter(None, said))]

    def change_sets(self, stack: str) -> Mapping[str, str]:
        """Name to id of all change sets of a stack."""
        with translated(f"listing the change sets of {stack}"):
            try:
                pages = list(self._client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack))
            except errors.ClientError as exc:
                if code_of(exc) == "ValidationError" and "does not exist" in exc.response["Error"]["Message"]:
                    return {}
                raise
        found = {each["ChangeSetName"]: each["ChangeSetId"] for page in pages for each in page.get("Summaries", [])}
        self._stacks |= dict.fromkeys(found.values(), stack)
        return found

    def execute(self, change_set_id: str, token: str) -> None:
        """Let CloudFormation perform a change set."""
        with translated("executing the change set"):
            names = self._set_named(change_set_id)
            self._client("cloudformation").execute_change_set(**names, ClientRequestToken=token)

    def delete_change_set(self, change_set_id: str) -> None:
        """Forget a change set."""
        with translated("deleting the change set"):
            cloudformation = self._client("cloudformation")
            with contextlib.suppress(cloudformation.exceptions.ChangeSetNotFoundException):
                cloudformation.delete_change_set(**self._set_named(change_set_id))

    def protect_stack(self, name: str, *, is_protected: bool) -> None:
        """Let CloudFormation refuse to delete a stack, or not."""
        with translated(f"setting the termination protection of {name}"):
            self._client("cloudformation").update_termination_protection(
                StackName=name, EnableTerminationProtection=is_protected
            )

    def delete_stack(self, name: str, token: str) -> None:
        """Let CloudFormation delete a stack."""
        with translated(f"deleting the stack {name}"):
            self._client("cloudformation").delete_stack(StackName=name, ClientRequestToken=token)

    def existing_tables(self, names: Sequence[str]) -> Sequence[str]:
        """Those of the tables that exist."""
        return [name for name in names if self.table(name) is not None]

    def table_names(self, prefix: str) -> Sequence[str]:
        """The tables whose names begin so."""
        with translated("listing the tables"):
            pages = self._client("dynamodb").get_paginator("list_tables").paginate()
            return [name for page in pages for name in page["TableNames"] if name.startswith(prefix)]

    def table(self, name: str) -> Mapping[str, Any] | None:
        """What DynamoDB says of a table."""
        dynamodb = self._client("dynamodb")
        with translated(f"looking at the table {name}"):
            try:
                found: Mapping[str, Any] = dynamodb.describe_table(TableName=name)["Table"]
            except dynamodb.exceptions.ResourceNotFoundException:
                return None
        return found

    def table_tags(self, name: str) -> Mapping[str, str]:
        """The tags of a table; none where there is no such table."""
        found = self.table(name)
        with translated(f"reading the tags of the table {name}"):
            pages = self._client("dynamodb").get_paginator("list_tags_of_resource")
            arns = [] if found is None else [found["TableArn"]]
            tags = [tag for arn in arns for page in pages.paginate(ResourceArn=arn) for tag in page["Tags"]]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def table_settings(self, name: str) -> Mapping[str, Any]:
        """Time to live and point-in-time recovery of a table, as a template has them."""
        with translated(f"looking at TTL and backups of the table {name}"):
            dynamodb = self._client("dynamodb")
            expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        return shapes.table_settings(expiry, backups)

    def set_table(self, name: str, settings: Mapping[str, Any]) -> None:
        """Set capacity mode, time to live and point-in-time recovery of a table."""
        with translated(f"setting {', '.join(settings)} of the table {name}"):
            dynamodb = self._client("dynamodb")
            if "BillingMode" in settings:
                dynamodb.update_table(TableName=name, BillingMode=settings["BillingMode"])
                # While a table changes, nothing else of it does. [DOC] ddb-api:UpdateTable, ResourceInUseException
                dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
            if shapes.TTL in settings:
                dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=settings[shapes.TTL])
            if shapes.RECOVERY in settings:
                recovery = settings[shapes.RECOVERY]
                dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)

    def protect_table(self, name: str, *, is_protected: bool) -> None:
        """Let DynamoDB refuse to delete a table, or not."""
        with translated(f"setting the deletion protection of {name}"):
            self._client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=is_protected)

    def delete_table(self, name: str) -> None:
        """Delete a table and what is in it, and wait until it is gone."""
        with translated(f"deleting the table {name}"):
            dynamodb = self._client("dynamodb")
            try:
                dynamodb.delete_table(TableName=name)
            except dynamodb.exceptions.ResourceNotFoundException:
                return
            except dynamodb.exceptions.ResourceInUseException:
                # [DOC] ddb-api:DeleteTable: so it says of a table that is being deleted, too.
                if dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "DELETING":
                    raise
            dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 150})

    def logging_role(self) -> str | None:
        """ARN of the role with which API Gateway writes logs."""
        with translated("looking at the account's settings of API Gateway"):
            role: str | None = self._client("apigateway").get_account().get("cloudwatchRoleArn")
        return role

    def signing_keys(self) -> SigningKeys:
        """What requests are signed with, besides those of boto3."""
        with translated("loading the credentials"):
            found = self._session.get_credentials()
            if found is None:
                raise errors.NoCredentialsError
            frozen = found.get_frozen_credentials()
        return SigningKeys(frozen.access_key, frozen.secret_key, frozen.token)

    @property
    def region(self) -> str | None:
        """The Region of the configuration; None: it names none. Raises CredentialsError: there is no such profile."""
        named: str | None = self._session.region_name
        return named


def _loaded(body: Any) -> Mapping[str, Any]:
    """A template as boto3 has it: JSON is read already, unless who answered is not quite AWS."""
    loaded: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    return loaded


def local_client(service: str, url: str) -> Any:
    """A client of the emulator, which asks for no credentials of one's own, and answers at once or never."""
    once = {"total_max_attempts": 1}
    config = botocore.config.Config(retries=once, connect_timeout=5, read_timeout=60, proxies=proxies(url))
    return _local_session().client(service, endpoint_url=url, region_name="us-east-1", config=config)


@functools.cache
def _local_session() -> boto3.session.Session:
    """One for all clients: each session reads botocore's models and endpoints anew, a fifth of a second."""
    plain = botocore.session.Session(session_vars=dict(SESSION_VARIABLES))
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.session.Session(**keys, botocore_session=plain)

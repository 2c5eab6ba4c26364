"""Time to live, backups' status, resource policies, limits and endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.aws_limits import url_suffix

from .backend import EmbeddedBackend
from .errors import ApiError, not_found, validation_error
from .table import Table
from .values import Json, Parameters


def update_time_to_live(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """UpdateTimeToLive; AWS allows it once an hour, we as often as you like."""
    table = backend.table_to_manage(parameters["TableName"])
    specification = parameters["TimeToLiveSpecification"]
    attribute, enabled = specification["AttributeName"], specification["Enabled"]
    if table.expiry is not None and table.expiry.attribute != attribute:
        # [USR] celery's backend for DynamoDB, cdkd 932: another attribute is told before what is on already
        raise validation_error(
            f"TimeToLive is active on a different AttributeName: current AttributeName is {table.expiry.attribute}"
        )
    if enabled is (table.expiry is not None):
        raise validation_error(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
    table.set_expiry(attribute if enabled else None)
    return {"TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute}}


def describe_time_to_live(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """DescribeTimeToLive."""
    table = backend.table_to_manage(parameters["TableName"])
    if table.expiry is None:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": table.expiry.attribute}}


def _backed_up(backend: EmbeddedBackend, name: str) -> Table:
    table = backend.find_table(name)
    if table is None:
        raise ApiError("TableNotFoundException", f"Table not found: {name}")
    return table


def describe_continuous_backups(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """DescribeContinuousBackups: what was switched on; nothing is backed up."""
    return _backups(_backed_up(backend, parameters["TableName"]))


def _backups(table: Table) -> Json:
    recovery = table.settings.recovery
    point: Json = {"PointInTimeRecoveryStatus": "DISABLED"}
    if recovery:
        point = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": recovery["RecoveryPeriodInDays"],
            "EarliestRestorableDateTime": recovery["since_seconds"],
            "LatestRestorableDateTime": recovery["since_seconds"],
        }
    status = "ENABLED" if recovery else "DISABLED"
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": status,
            "PointInTimeRecoveryDescription": point,
        }
    }


def update_continuous_backups(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """UpdateContinuousBackups."""
    table = _backed_up(backend, parameters["TableName"])
    wanted = parameters["PointInTimeRecoverySpecification"]
    table.settings.recovery = (
        {"RecoveryPeriodInDays": wanted.get("RecoveryPeriodInDays", 35), "since_seconds": backend.now()}
        if wanted["PointInTimeRecoveryEnabled"]
        else {}
    )
    return _backups(table)


def _policies(backend: EmbeddedBackend, arn: str) -> dict[str, Json]:
    table = backend.find_table(arn.partition("/stream/")[0])
    if table is None or (arn != table.arn and arn not in backend.streams):
        raise not_found(f"Requested resource not found: ResourcArn: {arn} not found")
    return table.settings.policies


def _policy(policies: Mapping[str, Json], arn: str) -> Json:
    if arn not in policies:
        raise ApiError(
            "PolicyNotFoundException", f"Resource-based policy not found for the provided ResourceArn: {arn}"
        )
    return policies[arn]


def put_resource_policy(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """PutResourcePolicy; kept and shown, but never asked: the emulator's DynamoDB looks at no identity."""
    arn = parameters["ResourceArn"]
    policies = _policies(backend, arn)
    _check_revision(policies, arn, parameters.get("ExpectedRevisionId"))
    revision = backend.new_id()
    policies[arn] = {"Policy": parameters["Policy"], "RevisionId": revision}
    return {"RevisionId": revision}


def get_resource_policy(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """GetResourcePolicy."""
    arn = parameters["ResourceArn"]
    return dict(_policy(_policies(backend, arn), arn))


def delete_resource_policy(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """DeleteResourcePolicy; one that is not there is no fault."""
    arn = parameters["ResourceArn"]
    policies = _policies(backend, arn)
    _check_revision(policies, arn, parameters.get("ExpectedRevisionId"))
    gone = policies.pop(arn, None)
    return {} if gone is None else {"RevisionId": gone["RevisionId"]}


def _check_revision(policies: Mapping[str, Json], arn: str, expected: str | None) -> None:
    found = policies[arn]["RevisionId"] if arn in policies else "NO_POLICY"
    if expected is not None and expected != found:
        raise ApiError(
            "PolicyNotFoundException",
            f"Resource-based policy not found for the provided ResourceArn: Requested update for policy with revision "
            f"id {expected}, but the policy has {found}",
        )


def describe_limits(_backend: EmbeddedBackend, _parameters: Parameters) -> Json:
    """DescribeLimits: AWS's defaults; nothing is throttled here. [DOC] ddb-docs:ServiceQuotas"""
    return {
        "AccountMaxReadCapacityUnits": 80000,
        "AccountMaxWriteCapacityUnits": 80000,
        "TableMaxReadCapacityUnits": 40000,
        "TableMaxWriteCapacityUnits": 40000,
    }


def describe_endpoints(backend: EmbeddedBackend, _parameters: Parameters) -> Json:
    """DescribeEndpoints."""
    address = f"dynamodb.{backend.region_name}.{url_suffix(backend.region_name)}"
    return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}

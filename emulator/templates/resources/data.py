"""Types of resources that keep data or pass it on. Pure data. [DOC] cfn-docs, a page per type"""

from __future__ import annotations

from typing import Final

from .kind import Kind, Meaning

_TABLE: Final = "arn:{partition}:dynamodb:{region}:{account}:table/{name}"
_STREAM: Final = _TABLE + "/stream/2026-01-01T00:00:00.000"

KINDS: Final = (
    Kind(
        type="AWS::DynamoDB::Table",
        noun="table",
        attributes={"Arn": _TABLE, "StreamArn": _STREAM},
        name_property="TableName",
        longest=255,
    ),
    Kind(
        type="AWS::DynamoDB::GlobalTable",
        noun="table",
        attributes={"Arn": _TABLE, "StreamArn": _STREAM, "TableId": "{uuid}"},
        name_property="TableName",
        longest=255,
    ),
    Kind(
        type="AWS::SQS::Queue",
        noun="queue",
        ref="https://sqs.{region}.{suffix}/{account}/{name}",
        attributes={
            "Arn": "arn:{partition}:sqs:{region}:{account}:{name}",
            "QueueName": "{name}",
            "QueueUrl": "https://sqs.{region}.{suffix}/{account}/{name}",
        },
        name_property="QueueName",
        longest=75,
    ),
    Kind(
        type="AWS::SNS::Topic",
        noun="topic",
        ref="arn:{partition}:sns:{region}:{account}:{name}",
        attributes={"TopicArn": "arn:{partition}:sns:{region}:{account}:{name}", "TopicName": "{name}"},
        name_property="TopicName",
        longest=256,
    ),
    Kind(
        type="AWS::SNS::Subscription",
        noun="subscription",
        ref="{p[TopicArn]}:{uuid}",
        attributes={"Arn": "{p[TopicArn]}:{uuid}"},
    ),
    Kind(
        type="AWS::S3::Bucket",
        noun="bucket",
        attributes={
            "Arn": "arn:{partition}:s3:::{name}",
            "DomainName": "{name}.s3.{suffix}",
            "DualStackDomainName": "{name}.s3.dualstack.{region}.{suffix}",
            "RegionalDomainName": "{name}.s3.{region}.{suffix}",
            "WebsiteURL": "http://{name}.s3-website-{region}.{suffix}",
        },
        name_property="BucketName",
        longest=63,
        is_lower=True,
    ),
    Kind(
        type="AWS::Events::Rule",
        noun="rule",
        ref="{rule}",  # [USR] cloudformation-coverage-roadmap #1131; [REC] localstack #9789
        attributes={"Arn": "arn:{partition}:events:{region}:{account}:rule/{bus}{name}"},
        name_property="Name",
    ),
    Kind(
        type="AWS::Events::EventBus",
        noun="event bus",
        attributes={"Arn": "arn:{partition}:events:{region}:{account}:event-bus/{name}", "Name": "{name}"},
        name_property="Name",
    ),
    Kind(
        type="AWS::Scheduler::Schedule",
        noun="schedule",
        attributes={"Arn": "arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}"},
        name_property="Name",
    ),
    Kind(
        type="AWS::Scheduler::ScheduleGroup",
        noun="schedule group",
        attributes={"Arn": "arn:{partition}:scheduler:{region}:{account}:schedule-group/{name}"},
        name_property="Name",
    ),
    Kind(type="AWS::KMS::Alias", noun="alias of a key", ref="{p[AliasName]}"),
    Kind(
        type="AWS::SSM::Parameter",
        noun="stored parameter",
        attributes={"Type": "{p[Type]}", "Value": "{p[Value]}"},
        name_property="Name",
        longest=255,
    ),
    Kind(
        type="AWS::SecretsManager::Secret",
        noun="secret",
        ref="arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{six}",
        attributes={"Id": "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{six}"},
        name_property="Name",
        longest=200,
    ),
    Kind(
        type="AWS::Kinesis::Stream",
        noun="Kinesis stream",
        attributes={"Arn": "arn:{partition}:kinesis:{region}:{account}:stream/{name}"},
        name_property="Name",
        longest=128,
    ),
    Kind(
        type="AWS::Kinesis::StreamConsumer",
        meaning=Meaning.KNOWN,
        noun="consumer of a stream",
        ref="{p[StreamARN]}/consumer/{p[ConsumerName]}:1767225600",
        attributes={
            "ConsumerARN": "{p[StreamARN]}/consumer/{p[ConsumerName]}:1767225600",
            "ConsumerCreationTimestamp": "1767225600",
            "ConsumerName": "{p[ConsumerName]}",
            "ConsumerStatus": "ACTIVE",
            "StreamARN": "{p[StreamARN]}",
        },
    ),
    Kind(
        type="AWS::StepFunctions::StateMachine",
        noun="state machine",
        ref="arn:{partition}:states:{region}:{account}:stateMachine:{name}",
        attributes={
            "Arn": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
            "Name": "{name}",
            "StateMachineRevisionId": "{uuid}",
        },
        name_property="StateMachineName",
    ),
    Kind(
        type="AWS::StepFunctions::StateMachineVersion",
        meaning=Meaning.KNOWN,
        noun="version of a state machine",
        ref="{p[StateMachineArn]}:1",
        attributes={"Arn": "{p[StateMachineArn]}:1"},
    ),
    Kind(
        type="AWS::StepFunctions::StateMachineAlias",
        meaning=Meaning.KNOWN,
        noun="alias of a state machine",
        ref="{machine_arn}:{name}",
        attributes={"Arn": "{machine_arn}:{name}"},
        name_property="Name",
    ),
    Kind(
        type="AWS::KMS::Key",
        noun="key",
        ref="{uuid}",
        attributes={"Arn": "arn:{partition}:kms:{region}:{account}:key/{uuid}", "KeyId": "{uuid}"},
    ),
)

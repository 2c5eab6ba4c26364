"""SNS asked by an unmodified boto3, and what its topics send to functions, queues and servers."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import services_world
from botocore.exceptions import ClientError
from services_world import ACCOUNT, REGION, World, function_arn, queue_arn, until

from streamer.topology import Permission

OPEN = f"arn:aws:sns:{REGION}:{ACCOUNT}:open"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    allowed = Permission(actions=("sns:Publish",), resources=(OPEN,))
    with services_world.running(tmp_path_factory.mktemp("sns"), permissions=(allowed,)) as emulator:
        yield World(emulator)


def topic(world: World, name: str, *subscribed: tuple[str, str], **attributes: str) -> tuple[Any, str]:
    sns = world.client("sns")
    arn = sns.create_topic(Name=name, Attributes={"FifoTopic": "true"} if name.endswith(".fifo") else {})["TopicArn"]
    for protocol, endpoint in subscribed:
        sns.subscribe(TopicArn=arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)
    return sns, arn


def test_a_function_gets_a_message_with_all_that_it_carries(world: World) -> None:
    sns, arn = topic(world, "to-function", ("lambda", function_arn("writer")))
    attributes = {
        "kind": {"DataType": "String", "StringValue": "order"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x01\x02"},
    }
    made = sns.publish(TopicArn=arn, Message="text", Subject="about", MessageAttributes=attributes)["MessageId"]

    (event,) = world.events()
    (record,) = event["Records"]
    sent = record["Sns"]
    assert (record["EventSource"], sent["MessageId"], sent["TopicArn"]) == ("aws:sns", made, arn)
    assert (sent["Message"], sent["Subject"]) == ("text", "about")
    assert sent["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "order"},
        "bytes": {"Type": "Binary", "Value": "AQI="},
    }


def test_a_queue_gets_a_notification_or_the_message_alone(world: World) -> None:
    sns, arn = topic(world, "to-queue", ("sqs", queue_arn("inbox")))
    sns.publish(TopicArn=arn, Message="text")
    assert json.loads(world.message()["Body"])["Message"] == "text"

    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"], AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    sns.publish(TopicArn=arn, Message="raw", MessageAttributes={"a": {"DataType": "Number", "StringValue": "1"}})
    message = world.message()
    assert message["Body"] == "raw"
    assert message["MessageAttributes"] == {"a": {"DataType": "Number", "StringValue": "1"}}


def test_a_fifo_topic_keeps_groups(world: World) -> None:
    sns = world.client("sns")
    settings = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    arn = sns.create_topic(Name="ordered.fifo", Attributes=settings)["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn("ordered.fifo"))
    sns.publish(TopicArn=arn, Message="first", MessageGroupId="a")

    assert world.message("ordered.fifo")["Attributes"]["MessageGroupId"] == "a"


def test_a_fifo_topic_tells_its_queue_what_is_the_same_and_takes_it_once(world: World) -> None:
    sns, arn = topic(world, "unlike.fifo")
    sns.set_topic_attributes(TopicArn=arn, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn("by-id.fifo"))
    first, again, other = (sns.publish(TopicArn=arn, Message=each, MessageGroupId="g") for each in ("1", "1", "2"))

    bodies = [json.loads(world.message("by-id.fifo")["Body"]) for _ in range(2)]

    assert (again["MessageId"] == first["MessageId"], other["MessageId"] == first["MessageId"]) == (True, False)
    assert [each["Message"] for each in bodies] == ["1", "2"]
    assert [each["SequenceNumber"] for each in (first, again, other)] == [
        bodies[number]["SequenceNumber"] for number in (0, 0, 1)
    ]
    entries = [{"Id": each, "Message": each, "MessageGroupId": "g"} for each in ("2", "3")]
    told = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)["Successful"]
    assert [each["MessageId"] == other["MessageId"] for each in told] == [True, False]
    assert told[0]["SequenceNumber"] == other["SequenceNumber"] < told[1]["SequenceNumber"]


def test_a_topic_tells_more_than_a_page_of_subscribers(world: World) -> None:
    sns, arn = topic(world, "many")
    sqs = world.client("sqs")
    urls = [sqs.create_queue(QueueName=f"many-{number}")["QueueUrl"] for number in range(101)]
    for number in range(len(urls)):
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn(f"many-{number}"))
    sns.publish(TopicArn=arn, Message="to all")

    assert all(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages") for url in urls)


def test_what_a_queue_refuses_costs_no_service_its_state(world: World) -> None:
    sns, arn = topic(world, "kept")
    world.client("events").put_rule(Name="to-fifo", EventPattern='{"source": ["refused"]}')
    target = {"Id": "1", "Arn": queue_arn("by-id.fifo"), "SqsParameters": {"MessageGroupId": "g"}}
    world.client("events").put_targets(Rule="to-fifo", Targets=[target])
    world.client("events").put_events(Entries=[{"Source": "refused", "DetailType": "x", "Detail": "{}"}])

    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["TopicArn"] == arn


@pytest.mark.parametrize(
    ("policy", "scope"),
    [
        ({"kind": ["order", {"prefix": "inv"}], "amount": [{"numeric": [">", 10]}]}, "MessageAttributes"),
        ({"order": {"amount": [{"numeric": [">", 10]}]}}, "MessageBody"),
    ],
    ids=["attributes", "body"],
)
def test_a_filter_lets_through_what_it_describes(world: World, policy: dict[str, Any], scope: str) -> None:
    subscribed = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope}
    sns, arn = topic(world, f"filtered-{scope}", ("lambda", function_arn("writer")), **subscribed)
    for amount in (5, 50):
        sns.publish(
            TopicArn=arn,
            Message=json.dumps({"order": {"amount": amount}}),
            MessageAttributes={
                "kind": {"DataType": "String", "StringValue": "invoice"},
                "amount": {"DataType": "Number", "StringValue": str(amount)},
            },
        )

    (event,) = world.events()
    assert json.loads(event["Records"][0]["Sns"]["Message"]) == {"order": {"amount": 50}}


def test_of_a_batch_with_one_wrong_message_none_is_published(world: World) -> None:
    sns, arn = topic(world, "batch", ("lambda", function_arn("writer")))
    wrong = [{"Id": "2", "Message": '{"sqs": "x"}', "MessageStructure": "json"}]
    with pytest.raises(ClientError, match="No default entry in JSON message body"):
        sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[{"Id": "1", "Message": "a"}, *wrong])
    with pytest.raises(ClientError, match="must use field 'String'"):
        sns.publish(TopicArn=arn, Message="a", MessageAttributes={"a": {"DataType": "String", "BinaryValue": b"x"}})
    with pytest.raises(ClientError, match="Topic does not exist"):
        sns.publish(TopicArn=f"{arn}-not", Message="a")
    right = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[{"Id": "1", "Message": "last"}])

    assert [each["Id"] for each in right["Successful"]] == ["1"]
    (event,) = world.events()
    assert event["Records"][0]["Sns"]["Message"] == "last"


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"FilterPolicyScope": "Body", "FilterPolicy": '{"a": ["b"]}'}, "FilterPolicyScope: Invalid value .Body."),
        ({"FilterPolicy": '{"a": "b"}'}, "Attributes Reason: FilterPolicy: "),
        ({"FilterPolicy": '{"a": {"b": ["c"]}}'}, "does not support nested filter policy"),
    ],
)
def test_nobody_is_subscribed_with_attributes_that_are_refused(
    world: World, attributes: dict[str, str], why: str
) -> None:
    sns, arn = topic(world, "strict")
    who = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": queue_arn("inbox")}
    with pytest.raises(ClientError, match=why):
        sns.subscribe(**who, Attributes=attributes)

    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_a_server_is_asked_and_gets_messages(world: World) -> None:
    got: list[tuple[str | None, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["x-amz-sns-message-type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sns, arn = topic(world, "to-server", ("http", f"http://127.0.0.1:{server.server_port}/told"))
        until(lambda: got, lambda found: len(found) == 1)
        sns.publish(TopicArn=arn, Message="text")
        until(lambda: got, lambda found: len(found) == 2)
        server.shutdown()

    assert [kind for kind, _ in got] == ["SubscriptionConfirmation", "Notification"]
    assert (got[0][1]["TopicArn"], got[1][1]["Message"]) == (arn, "text")


def test_a_bucket_tells_a_topic(world: World) -> None:
    _, arn = topic(world, "of-bucket", ("lambda", function_arn("writer")))
    s3 = world.client("s3")
    s3.create_bucket(Bucket="tells", CreateBucketConfiguration={"LocationConstraint": REGION})
    told = {"TopicConfigurations": [{"TopicArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="tells", NotificationConfiguration=told)
    s3.put_object(Bucket="tells", Key="a", Body=b"1")

    messages = [json.loads(each["Records"][0]["Sns"]["Message"]) for each in world.events(2)]
    assert sorted(each.get("Event", "object") for each in messages) == ["object", "s3:TestEvent"]


def test_a_function_publishes_where_it_may(world: World) -> None:
    topic(world, "open", ("sqs", queue_arn("inbox")))

    assert "MessageId" in world.called("sns", "publish", TopicArn=OPEN, Message="from a function")
    assert json.loads(world.message()["Body"])["Message"] == "from a function"
    refused = world.called("sns", "publish", TopicArn=OPEN.replace("open", "shut"), Message="no")
    assert "(AuthorizationError) when calling the Publish operation: User: " in refused["errorMessage"]
    assert "is not authorized to perform: SNS:Publish" in refused["errorMessage"]


def test_what_is_refused_is_told_in_awss_words(world: World) -> None:
    sns, arn = topic(world, "refuses")
    with pytest.raises(ClientError) as refused:
        sns.publish(TopicArn=arn, Message="x" * 262_145)
    assert refused.value.response["Error"]["Message"] == "Invalid parameter: Message too long"
    with pytest.raises(ClientError, match="Empty message"):
        sns.publish(TopicArn=arn, Message="")
    with pytest.raises(ClientError, match="protocol string: pigeon"):
        sns.subscribe(TopicArn=arn, Protocol="pigeon", Endpoint="x")

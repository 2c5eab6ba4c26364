from __future__ import annotations

import pytest

from emulator.gateway.rules.query_answers import in_json

SQS = ' xmlns="http://queue.amazonaws.com/doc/2012-11-05/"'
ID = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"


@pytest.mark.parametrize(
    ("xml", "told"),
    [
        pytest.param(
            f"<SendMessageResponse{SQS}><SendMessageResult><MD5OfMessageBody>5</MD5OfMessageBody><MessageId>m</MessageId>"
            f"</SendMessageResult>{ID}</SendMessageResponse>",
            '{"SendMessageResponse":{"ResponseMetadata":{"RequestId":"r"},"SendMessageResult":{"MD5OfMessageAttributes":null,'
            '"MD5OfMessageBody":"5","MD5OfMessageSystemAttributes":null,"MessageId":"m","SequenceNumber":null}}}',
            id="a message is sent",
        ),
        pytest.param(
            f"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult>{ID}</PublishResponse>",
            '{"PublishResponse":{"PublishResult":{"MessageId":"m","SequenceNumber":null},'
            '"ResponseMetadata":{"RequestId":"r"}}}',
            id="a message is published",
        ),
        pytest.param(
            f"<ReceiveMessageResponse><ReceiveMessageResult/>{ID}</ReceiveMessageResponse>",
            '{"ReceiveMessageResponse":{"ReceiveMessageResult":{"messages":null},"ResponseMetadata":{"RequestId":"r"}}}',
            id="no message is there",
        ),
        pytest.param(
            "<ReceiveMessageResponse><ReceiveMessageResult><Message><MessageId>m</MessageId><ReceiptHandle>h</ReceiptHandle>"
            f"<MD5OfBody>5</MD5OfBody><Body>é</Body></Message></ReceiveMessageResult>{ID}</ReceiveMessageResponse>",
            '{"ReceiveMessageResponse":{"ReceiveMessageResult":{"messages":[{"Attributes":null,"Body":"é","MD5OfBody":"5",'
            '"MD5OfMessageAttributes":null,"MessageAttributes":null,"MessageId":"m","ReceiptHandle":"h"}]},'
            '"ResponseMetadata":{"RequestId":"r"}}}',
            id="a message is received",
        ),
        pytest.param(
            "<ReceiveMessageResponse><ReceiveMessageResult><Message><Attribute><Name>SenderId</Name><Value>A</Value></Attribute>"
            "<MessageAttribute><Name>k</Name><Value><DataType>String</DataType><StringValue>v</StringValue></Value>"
            f"</MessageAttribute></Message></ReceiveMessageResult>{ID}</ReceiveMessageResponse>",
            '{"ReceiveMessageResponse":{"ReceiveMessageResult":{"messages":[{"Attributes":[{"Name":"SenderId","Value":"A"}],'
            '"MD5OfMessageAttributes":null,"MessageAttributes":[{"Name":"k","Value":{"DataType":"String","StringValue":"v"}}]}]},'
            '"ResponseMetadata":{"RequestId":"r"}}}',
            id="a message has attributes",
        ),
        pytest.param(
            "<GetQueueAttributesResponse><GetQueueAttributesResult><Attribute><Name>ApproximateNumberOfMessages</Name>"
            f"<Value>0</Value></Attribute></GetQueueAttributesResult>{ID}</GetQueueAttributesResponse>",
            '{"GetQueueAttributesResponse":{"GetQueueAttributesResult":{"Attributes":['
            '{"Name":"ApproximateNumberOfMessages","Value":"0"}]},"ResponseMetadata":{"RequestId":"r"}}}',
            id="attributes of a queue",
        ),
        pytest.param(
            f"<DeleteMessageResponse>{ID}</DeleteMessageResponse>",
            '{"DeleteMessageResponse":{"ResponseMetadata":{"RequestId":"r"}}}',
            id="there is no result",
        ),
        pytest.param(
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>No.</Message><Detail/></Error>"
            "<RequestId>r</RequestId></ErrorResponse>",
            '{"Error":{"Code":"AccessDenied","Message":"No.","Type":"Sender"},"RequestId":"r"}',
            id="an error",
        ),
    ],
)
def test_an_answer_is_told_in_json(xml: str, told: str) -> None:
    assert in_json(f'<?xml version="1.0"?>{xml}'.encode()) == told.encode()


def test_what_is_no_xml_stays_as_it_is() -> None:
    assert in_json(b"<html><br></html>") is None

"""API Gateway WebSocket APIs, Lambda and DynamoDB Streams on one machine, as AWS behaves."""

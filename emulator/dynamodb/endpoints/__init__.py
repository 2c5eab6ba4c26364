"""The tables, streams and queues that a service works with: embedded, or those of any DynamoDB endpoint."""

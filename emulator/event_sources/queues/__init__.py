"""Queues that functions read: what Lambda's pollers for SQS do."""

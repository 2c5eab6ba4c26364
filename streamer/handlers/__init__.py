"""The four Lambda functions: connect, disconnect, router, processor; and what they share."""

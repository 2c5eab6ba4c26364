"""The Lambda functions: connect, disconnect, router, processor, and sometimes a dispatcher; and what they share."""

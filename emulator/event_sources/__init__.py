"""What calls functions without a client: event source mappings of streams and of queues, and schedules."""

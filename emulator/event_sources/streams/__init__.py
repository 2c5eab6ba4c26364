"""Event source mappings: stream records to functions, batched, filtered and retried as Lambda does."""

"""S3 as far as it is ours: what requests ask for, what conditions see of them, what buckets tell."""

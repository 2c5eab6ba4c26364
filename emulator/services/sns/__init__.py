"""SNS as far as it is ours: what filter policies let through, and what subscribers get."""

"""One run of a queued request: the attempt, what is told while it runs, and to whom."""

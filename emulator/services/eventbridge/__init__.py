"""EventBridge and its Scheduler as far as they are ours: which events match, what targets get, what is due when."""

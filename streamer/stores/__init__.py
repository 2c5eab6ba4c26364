"""Where connections, requests and subscriptions are kept."""

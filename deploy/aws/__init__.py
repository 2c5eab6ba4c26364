"""AWS as deploying sees it: the only implementation of `deploy.cloud`, by boto3."""

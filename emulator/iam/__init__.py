"""IAM as far as a service needs it: which function calls, what its role allows, and what AWS says when it does not."""

"""The embedded DynamoDB: moto's rules behind our own front, corrected where they differ from AWS."""

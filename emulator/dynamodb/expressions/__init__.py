"""The expressions of DynamoDB: one lexer, one grammar, compiled once and kept for the next request."""

"""The four Lambda functions, one module each; everything they need is built lazily, once per environment."""

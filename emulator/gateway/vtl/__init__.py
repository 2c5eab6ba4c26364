"""Mapping templates in the Velocity Template Language, as far as API Gateway has it. Pure."""

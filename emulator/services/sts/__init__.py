"""STS as far as it is ours: who a caller is, and sessions of the roles of the project."""

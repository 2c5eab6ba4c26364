"""The commands that deploy and look at what is deployed: they parse, ask, act and print."""

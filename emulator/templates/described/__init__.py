"""A stack's resources as the topology describes them, or as operations that make them: a module for each kind."""

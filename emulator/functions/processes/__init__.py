"""Functions in processes of their own, with AWS's runtime client: pools of execution environments, as on Lambda."""

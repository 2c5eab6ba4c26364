"""AWS: bundle, template and plan in pure code; one boundary that calls it."""

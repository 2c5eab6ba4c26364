"""Puts this folder on the import path, for modules that tests of all tiers share."""

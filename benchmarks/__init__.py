"""How fast the emulator is, beside its peers, and what the service costs on AWS. Run with ``make bench``."""

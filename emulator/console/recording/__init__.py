"""What is recorded: noted as it passes, kept within bounds, and made into records that say what they mean."""

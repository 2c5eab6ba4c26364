"""The embedded DynamoDB; in ``endpoints``, what the emulator needs of it, or of any DynamoDB of the user's."""

"""DynamoDB's dialect of PartiQL: statements become the same conditions and updates as expressions."""

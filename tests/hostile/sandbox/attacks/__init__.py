"""The catalogue of attacks on the sandbox, one module per theme."""

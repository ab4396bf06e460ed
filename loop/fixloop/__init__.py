"""The repair loop."""

"""Runs commands behind walls: tiers, start-up probes, launch and limits. The only package that starts processes."""

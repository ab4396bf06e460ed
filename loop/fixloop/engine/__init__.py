"""The loop itself: measure, localize, propose, run, judge, repeat, stop for exactly one reason.

No I/O here. Everything that it knows of the world comes through the ports, so the same ports and seed give the same
events.
"""

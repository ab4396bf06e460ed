"""The launcher: the process that builds the walls and starts the command behind them.

It runs as ``python -I -S`` under fixloop's own interpreter, once per run, so it imports little and nothing of fixloop:
the standard library's built-in parts and ctypes. ``order`` alone is shared with the parent.
"""

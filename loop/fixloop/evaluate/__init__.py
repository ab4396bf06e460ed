"""Running checks: which interpreter, which tests, and what an execution of them showed."""

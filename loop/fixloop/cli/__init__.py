"""The terminal front end: arguments in; progress on standard error, the result on standard output, an exit status.

It knows ``assembly`` and the records, never the engine's parts. Only ``apply`` writes a user's file, when told to.
"""

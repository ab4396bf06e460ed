"""What runs inside the user's interpreter: the standard library and pytest only, on Python 3.9 and later.

It is shown to the sandbox as a package named ``_fixloop_probe`` so that it never meets a ``fixloop`` that the project
under test may have installed. Nothing here decides anything: it reports what happened.
"""

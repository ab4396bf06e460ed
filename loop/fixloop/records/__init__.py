"""The loop's nouns: frozen values without behaviour beyond their own arithmetic.

Nothing here reads a file, starts a process or knows an editor.
"""

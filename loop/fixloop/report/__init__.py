"""What a repair or an evaluation found, put into words, diffs and documents.

Pure: values in, text out. Nothing here reads a file, writes to a stream or decides anything about a patch.
"""

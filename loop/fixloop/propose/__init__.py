"""Who names candidates. Nothing here runs code, and nothing here decides whether a candidate is good."""

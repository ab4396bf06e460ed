"""The editor tests work on a copy of ``project``, which is data here and not part of this suite."""

collect_ignore = ["project"]

"""From executions to suspects. Reads texts and outcomes; runs nothing."""

"""What may be believed of a candidate. Deterministic; every gate leaves its evidence in words."""

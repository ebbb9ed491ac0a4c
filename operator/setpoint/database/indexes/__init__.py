"""Index advice for the real workload, asked of the planner through HypoPG."""

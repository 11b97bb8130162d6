"""What would have been decided of one customer had one thing been otherwise: the planner runs again, in memory."""

"""What runs: deploying, ticking, delivering, simulating."""

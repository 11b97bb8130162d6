"""The funnel, live, in the terminal."""

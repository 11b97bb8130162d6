"""Model to program: a campaign as a state machine."""

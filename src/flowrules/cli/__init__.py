"""The command line: reads arguments, calls one thing below, prints facts. Holds no rule of its own."""

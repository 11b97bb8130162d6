"""What happened and where customers stand. Reads, and never writes."""

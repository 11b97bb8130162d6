"""Text to tree: the grammar's productions as frozen data."""

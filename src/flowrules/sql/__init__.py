"""Program to SQL: the tables, the guards, the statements of a tick. Opens no connection."""

"""Ways out into the world. A channel takes a message and says what became of it; it never touches the database."""

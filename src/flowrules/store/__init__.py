"""The database: opening it, its catalogues, and what is taken in."""

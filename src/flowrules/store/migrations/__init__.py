"""How the tables came to be as they are: one module a revision, run by Alembic."""

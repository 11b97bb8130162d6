"""What is wrong in an author's files, as data; renderers stand beside it."""

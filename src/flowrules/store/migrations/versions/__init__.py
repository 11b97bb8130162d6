"""The revisions, in the order of their numbers. Written with `make revision`, and never changed once released."""

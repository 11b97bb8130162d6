"""The typed model: what the files of a workspace mean, every name resolved, every value typed."""

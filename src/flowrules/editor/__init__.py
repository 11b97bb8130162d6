"""Rules while they are written: what an editor asks, answered over stdio."""

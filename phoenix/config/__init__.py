"""The configuration folder: from TOML to checked values. Nothing in here starts a process."""

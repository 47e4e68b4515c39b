"""Phoenix raises a Proxmox VE node from a directory of TOML files; this file owns its version."""

__version__ = "0.1.0"

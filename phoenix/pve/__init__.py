"""Proxmox VE: its options, formats, files and command lines, as facts. Nothing in here starts a process."""

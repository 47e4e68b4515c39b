"""The rehearsal node: a directory that behaves as a Proxmox VE node. Imports nothing of ours but pve and errors."""

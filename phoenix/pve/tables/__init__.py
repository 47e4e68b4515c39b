"""The options of Proxmox VE's tools, release 8.4 and 9.2, as data."""

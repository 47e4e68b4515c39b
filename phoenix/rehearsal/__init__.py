"""The rehearsal node: a directory that behaves as a Proxmox VE node; of ours it needs only pve and errors."""

"""pvesm: the storages' tool. Each subcommand and what does it, as MODULE.FUNCTION in here."""

HANDLERS = {
    "list": "listing.list_volumes",
    "status": "listing.status",
}

"""pveam: the templates' tool. Each subcommand and what does it, as MODULE.FUNCTION in here."""

HANDLERS = {
    "available": "shelf.available",
    "download": "shelf.download",
    "list": "listing.list_templates",
    "remove": "shelf.remove",
    "update": "shelf.update",
}

"""pct: the containers' tool. Each subcommand and what does it, as MODULE.FUNCTION in here."""

HANDLERS = {
    "config": "show.config",
    "create": "create.run",
    "destroy": "destroy.run",
    "list": "show.list_guests",
    "pending": "show.pending",
    "set": "change.run",
    "shutdown": "state.shutdown",
    "start": "state.start",
    "status": "show.status",
    "stop": "state.stop",
    "unlock": "destroy.unlock",
}

"""qm: the virtual machines' tool. Each subcommand and what does it, as MODULE.FUNCTION in here."""

HANDLERS: dict[str, str] = {}

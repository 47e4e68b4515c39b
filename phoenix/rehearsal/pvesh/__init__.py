"""pvesh: the tool that calls the API. Each subcommand and what does it, as MODULE.FUNCTION in here."""

HANDLERS: dict[str, str] = {}

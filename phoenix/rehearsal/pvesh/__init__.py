"""pvesh: the tool that calls the API. Each subcommand and what does it, as MODULE.FUNCTION in here."""

HANDLERS = {
    "create": "calls.create",
    "delete": "calls.delete",
    "get": "calls.get",
    "ls": "calls.ls",
    "set": "calls.change",
    "usage": "calls.usage",
}

"""ha-manager: the tool of high availability. Each subcommand and what does it, as MODULE.FUNCTION in here.

On a rehearsal node nothing manages: what is asked for is kept, and never done.
"""

HANDLERS = {
    "add": "resources.add",
    "config": "resources.config",
    "remove": "resources.remove",
    "set": "resources.change",
    "status": "resources.status",
}

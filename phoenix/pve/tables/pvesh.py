"""The subcommands of pvesh, with all that they accept."""

from __future__ import annotations

from phoenix.pve.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_PATH = Option("api_path", required=True)
_OPTIONS = (
    Option("human-readable", "boolean", default="1"),
    Option("noborder", "boolean", default="0"),
    Option("noheader", "boolean", default="0"),
    Option("noproxy", "boolean"),
    Option("output-format", enum=("text", "json", "json-pretty", "yaml"), default="text"),
    Option("quiet", "boolean"),
)

COMMANDS: Final[Mapping[str, Command]] = {
    "create": Command((_PATH,), *_OPTIONS),
    "delete": Command((_PATH,), *_OPTIONS),
    "get": Command((_PATH,), *_OPTIONS),
    "ls": Command((_PATH,), *_OPTIONS),
    "set": Command((_PATH,), *_OPTIONS),
    "usage": Command(
        (_PATH,),
        Option(
            "command",
            enum=("set", "delete", "create", "get"),
            eight=Option("command", enum=("create", "get", "delete", "set")),
        ),
        Option("returns", "boolean"),
        Option("verbose", "boolean"),
    ),
}
"""The subcommands, by name."""

ALIASES: Final[Mapping[str, str]] = {}
"""Other words for subcommands."""

"""The subcommands of pveam, with all that they accept."""

from __future__ import annotations

from phoenix.pve.options import STORAGE, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

COMMANDS: Final[Mapping[str, Command]] = {
    "available": Command(
        (),
        Option("section", enum=("system", "mail", "turnkeylinux")),
    ),
    "download": Command(
        (STORAGE, Option("template", length=255, required=True)),
    ),
    "list": Command(
        (STORAGE,),
    ),
    "remove": Command(
        (Option("template_path", length=255, required=True),),
    ),
    "update": Command(),
}
"""The subcommands, by name."""

ALIASES: Final[Mapping[str, str]] = {}
"""Other words for subcommands."""

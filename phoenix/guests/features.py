"""Features: what a guest can be given after its start, without ssh: a script with files, in the configuration.

features/NAME/ has `feature.toml` (order, timeout, needs, kinds), the script `apply`, a script `check` that ends with 0
where nothing is to be done, and `files/`. All of it goes into the guest as one archive, and one command runs it there.
"""

from __future__ import annotations

import io
import os
import stat

from phoenix import cli, files
from phoenix.config import load
from phoenix.config.faults import Faults
from phoenix.errors import ConfigError
from phoenix.guests import values
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from phoenix.guests.ours import Provision

SETTINGS = by_name(
    Option("order", "integer", 0, 9999, default="100"),
    Option("timeout", "integer", 1, 86400, default="600"),
)
KINDS = ("lxc", "vm")
PLACE = "/root/.phoenix-"
"""Where in the container a feature is unpacked while it is applied."""
SCRIPT = """\
dir=/root/.phoenix-$1 token=$2 status=0 word=done
shift 2
trap 'cd /; rm -rf "$dir" "$dir.tar" "$dir".secret-*' EXIT
umask 077
rm -rf "$dir"
mkdir "$dir" && tar -xf "$dir.tar" -C "$dir" || exit 126
for file in "$dir".secret-*; do
    [ -e "$file" ] || continue
    mkdir -p "$dir/secrets" && mv "$file" "$dir/secrets/${file##*.secret-}"
done
cd "$dir"
umask 022
if [ -e check ] && ./check "$@"; then
    word=there
else
    ./apply "$@" || status=$?
    if [ "$status" = 0 ] && [ -e check ]; then
        ./check "$@" || { status=$?; word=unchecked; }
    fi
fi
printf '\\n%s %s %s\\n' "$token" "$word" "$status"
exit "$status"
"""
"""What the container's shell runs: its words are the feature's name, a token, and the feature's arguments.

The last line tells a script that failed from a pct that did: only this shell knows the token.
"""
CLEAN = """\
set -e
if command -v cloud-init >/dev/null; then cloud-init clean --logs; fi
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /var/lib/dbus/machine-id
rm -f /var/lib/systemd/random-seed /var/lib/dhcp/*.leases
if [ -e /etc/machine-id ]; then : >/etc/machine-id; fi
sync
"""
"""What is taken out of a machine before it becomes a template: who it is. A clone makes that anew at its start."""


class Feature(Value):
    """One feature as the configuration has it; `content` is by path: whether it is executable, and its bytes."""

    name: str
    order: int
    timeout: int  # seconds
    needs: tuple[str, ...]
    kinds: tuple[str, ...]  # of guests that it serves
    content: Mapping[str, tuple[bool, bytes]]
    arguments: tuple[str, ...]
    secrets: Mapping[str, str]

    @property
    def digest(self) -> str:
        """What changes when anything of it does, as 64 hexadecimal digits. The content of secrets is not part of it."""
        import hashlib

        hashed = hashlib.sha256()
        for path, (executable, data) in sorted(self.content.items()):
            hashed.update(f"{path}\0{executable}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
        for word in (*self.arguments, "", *sorted(self.secrets)):
            hashed.update(word.encode() + b"\0")
        return hashed.hexdigest()

    def archive(self) -> bytes:
        """The feature as a tar archive, the same bytes for the same feature."""
        import tarfile

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, (executable, data) in sorted(self.content.items()):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), 0o755 if executable else 0o644
                archive.addfile(entry, io.BytesIO(data))
        return buffer.getvalue()

    def words(self, token: str) -> tuple[str, ...]:
        """The command that applies it in the container."""
        return ("sh", "-c", SCRIPT, "phoenix", self.name, token, *self.arguments)


def of_guest(folder: str, kind: str, wanted: Sequence[Provision]) -> list[Feature]:
    """The features of a guest of a kind, in the order in which they are applied. ConfigError for one that is wrong."""
    found = {item.feature: read(folder, item) for item in wanted}
    for feature in found.values():
        if kind not in feature.kinds:
            serves = f"serves {', '.join(feature.kinds)}, and this guest is of kind {kind}"
            raise ConfigError(
                f"{folder}/features/{feature.name}: {serves}",
                f'take it out of provision, or write kinds = ["{kind}"] into its feature.toml',
            )
    ordered: list[Feature] = []
    waiting = sorted(found.values(), key=lambda feature: (feature.order, feature.name))
    while waiting:
        there = {feature.name for feature in ordered}
        able = [feature for feature in waiting if there.issuperset(feature.needs)]
        if not able:
            missing = sorted({need for feature in waiting for need in feature.needs} - set(found))
            raise ConfigError(
                f"{folder}/features: {waiting[0].name} needs {', '.join(waiting[0].needs)}, "
                + (f"and {', '.join(missing)} is not in provision" if missing else "and they need each other"),
                "add it to provision, or correct needs in its feature.toml",
            )
        ordered.append(able[0])
        waiting.remove(able[0])
    return ordered


def read(folder: str, wanted: Provision) -> Feature:
    """One feature of the configuration. ConfigError, with the file, if anything is wrong with it."""
    place = f"{folder}/features/{wanted.feature}"
    if not os.path.isdir(place):
        known = os.listdir(f"{folder}/features") if os.path.isdir(f"{folder}/features") else []
        wrong = f"there is no {place}{cli.did_you_mean(wanted.feature, known)}"
        raise ConfigError(f"provision: {wrong}", f"mkdir -p {place}; a feature is a script `apply` in it")
    load.trusted(folder, "features")
    load.trusted(f"{folder}/features", wanted.feature)
    order, timeout, needs, kinds = _settings(f"{place}/feature.toml")
    content = dict(_content(place))
    if "apply" not in content:
        raise ConfigError(f"{place}: it has no script `apply`", f"ls -l {place}")
    for name in ("apply", "check"):
        if name in content and not content[name][0]:
            raise ConfigError(f"{place}/{name}: it is not executable", f"chmod +x {place}/{name}")
    return Feature(wanted.feature, order, timeout, needs, kinds, content, wanted.arguments, wanted.secrets)


def _settings(path: str) -> tuple[int, int, tuple[str, ...], tuple[str, ...]]:
    document = load.document(path) if os.path.exists(path) else load.Document(path, {})
    faults = Faults(document)
    table = dict(document.table)
    needs, kinds = table.pop("needs", []), table.pop("kinds", list(KINDS))
    if not isinstance(needs, list) or not all(isinstance(need, str) for need in needs):
        faults.add("needs", "a list of names of features", needs)
        needs = []
    if not isinstance(kinds, list) or not kinds or not all(kind in KINDS for kind in kinds):
        faults.add("kinds", 'a list of "lxc" and "vm"', kinds)
        kinds = []
    found = {name: option.default for name, option in SETTINGS.items()}
    found.update(values.decode_texts(SETTINGS, "", table, faults))
    faults.stop()
    return int(found["order"]), int(found["timeout"]), tuple(needs), tuple(kinds)


def _content(place: str) -> list[tuple[str, tuple[bool, bytes]]]:
    """What goes into the container: apply, check, and files/ with all that is in it."""
    found = []
    for here, folders, names in os.walk(place):
        folders.sort()
        for name in sorted([*names, *(name for name in folders if os.path.islink(f"{here}/{name}"))]):
            path = f"{here}/{name}"
            short = path[len(place) + 1 :]
            if short in ("apply", "check") or short.startswith("files/"):
                if os.path.islink(path):
                    raise ConfigError(f"{path}: is a link, and what it leads to does not go along", f"ls -l {path}")
                facts = os.stat(path)
                fault = files.distrusted(facts, path, stat.S_ISREG)
                if fault:
                    raise fault
                with open(path, "rb") as file:
                    found.append((short, (bool(facts.st_mode & 0o100), file.read())))
    return found

"""`pct restore`: a container as a backup has it, in the order of the real one."""

from __future__ import annotations

from phoenix.pve import formats, guestconf
from phoenix.rehearsal import backups, cluster, running, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import generated, mounts, rootfs, unpack, values
from phoenix.rehearsal.pct.unpack import PIPE
from phoenix.rehearsal.speech import complain, say, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.pct.create import Order
    from phoenix.rehearsal.tree import Tree

_NOT_MERGED = ("digest", "parent", "rootfs", "template", "unprivileged")
_GIB = 1 << 30


def check_existing(tree: Tree, guest: str) -> None:
    """Failure if a container may not be replaced by what a backup has."""
    if running.is_running(tree, guest):
        raise Failure("can't overwrite running container")
    cluster.check_protection(cluster.read(tree, CT, guest), f"unable to restore CT {guest}")


class Restore:
    """One restore on its way. `touched` says whether there is something to be removed if it fails."""

    def __init__(self, tree: Tree, order: Order) -> None:
        self.tree = tree
        self.order = order
        self.touched = not order.replaces
        self.path = ""
        self.backup = guestconf.GuestConf()
        self.delayed: dict[str, str] = {}

    def do(self, made: list[str]) -> None:
        """All of it; the volumes that it makes are added to `made` at once."""
        tree, order = self.tree, self.order
        before = cluster.read(tree, CT, order.guest)
        if running.is_running(tree, order.guest):
            raise Failure("can't overwrite running container")
        if order.template != PIPE:
            self._recover()
        if not order.mounts:
            self._take_mounts()
        self.touched = True
        mounts.make(tree, order.guest, order.mounts, order.conf, made)
        self._replace(before)
        mounts.check_present(tree, order.conf)
        pause()
        found = self._extract()
        say("merging backed-up and given configuration..")
        self._merge()
        unpack.detect(tree, order.conf, found)
        unpack.fill(tree, order.conf, found)
        order.set_defaults()
        order.conf.options.update(self.delayed)
        if self.backup.options.get("template") == "1" and order.template != PIPE:
            self._make_template()
        cluster.write(tree, CT, order.guest, order.conf)

    def _recover(self) -> None:
        """Read what the backup says of the container."""
        say(f"recovering backed-up configuration from '{self.order.template}'")
        self.path = unpack.find(self.tree, self.order.template)
        self.backup = guestconf.parse(backups.packed(self.tree.given(self.path), (backups.OF_CONTAINER,)))
        self.order.conf.raw += [line for line in self.backup.raw if not line.startswith(guestconf.ENVIRONMENT)]
        if not self.order.says_privileges and self.backup.options.get("unprivileged") == "1":
            self.order.conf.options["unprivileged"] = "1"

    def _extract(self) -> dict[str, str]:
        """Unpack the backup; one from standard input is not kept, and says only now what it holds."""
        tree, order = self.tree, self.order
        if order.template != PIPE:
            say(f"restoring '{order.template}' now..")
            return unpack.extract(tree, order.guest, order.conf, self.path, {}, ignore_errors=order.ignore_errors)
        say("extracting archive from STDIN")
        found, text = unpack.piped(tree, order.guest, order.conf, backups.OF_CONTAINER)
        self.backup = guestconf.parse(text)
        if not text:
            line = "#" * 59
            say(f"{line}\nBackup archive does not contain any configuration\n{line}")
        return found

    def _take_mounts(self) -> None:
        """Take the disks as the backup has them, new on the storage that was given; folders come back at the end."""
        if "rootfs" not in self.backup.options:
            raise Failure("rootfs configuration could not be recovered, please check and specify manually!")
        for name, parsed in mounts.all_of(self.backup).items():
            kind = values.volume_type(parsed["volume"])
            if kind == "volume":
                if "size" not in parsed:
                    raise Failure(f"unable to detect disk size - please specify {name} (size)")
                gib = (formats.size(parsed.pop("size")) or 0) / _GIB
                parsed["volume"] = f"{self.order.storage}:{gib:g}"
                self.order.mounts[name] = values.show(mounts.kind(name), parsed, self.tree.release)
            elif name == "rootfs":
                raise Failure(f"restoring rootfs to {kind} mount is only possible by specifying -rootfs manually!")
            else:
                self._delay(name, kind, parsed)

    def _delay(self, name: str, kind: str, parsed: dict[str, str]) -> None:
        if parsed.get("backup") == "1":
            complain("WARNING - unsupported configuration!")
            complain(f"backup was enabled for {kind} mount point {name} ('{parsed['mp']}')")
            complain("mount point configuration will be restored after archive extraction!")
            complain("contained files will be restored to wrong directory!")
        self.delayed[name] = values.show("mp", parsed, self.tree.release)

    def _replace(self, before: GuestConf) -> None:
        """Remove the volumes and the configuration of the container that was there."""
        if set(before.options) <= {"lock"}:
            return
        for volume in mounts.referenced(before):
            mounts.discard(self.tree, self.order.guest, volume)
        generated.forget(self.tree, self.order.guest)
        rootfs.forget(self.tree, self.order.guest)
        empty = guestconf.GuestConf()
        empty.options["lock"] = "create"
        cluster.write(self.tree, CT, self.order.guest, empty)

    def _merge(self) -> None:
        """Take from the backup what was not given, but no volumes."""
        conf, backup, release = self.order.conf, self.backup, self.tree.release
        for name, value in backup.options.items():
            if name in _NOT_MERGED or mounts.is_mount(name) or name.startswith("unused"):
                continue
            if name.startswith("net") and self.order.unique:
                parsed = values.properties("net", value)
                parsed.pop("hwaddr", None)
                conf.options[name] = values.network(name, values.show("net", parsed, release), release)
            else:
                conf.options.setdefault(name, value)
        conf.description = conf.description or backup.description
        if not any(line.startswith(guestconf.ENVIRONMENT) for line in conf.raw):
            conf.raw += [line for line in backup.raw if line.startswith(guestconf.ENVIRONMENT)]
        rules = backups.firewall(self.tree.given(self.path)) if self.path else ""
        if rules:
            self.tree.replace(f"/etc/pve/firewall/{self.order.guest}.fw", rules)

    def _make_template(self) -> None:
        """A backup of a template becomes one again."""
        write(2, "Convert restored container to template...\n")
        conf = self.order.conf
        for parsed in mounts.all_of(conf).values():
            if not mounts.has_feature(self.tree, parsed["volume"], "template"):
                raise Failure(f"Template feature is not available for '{parsed['volume']}'")
        for name, parsed in mounts.all_of(conf).items():
            parsed["volume"] = volumes.make_base(self.tree, parsed["volume"])
            conf.options[name] = values.show(mounts.kind(name), parsed, self.tree.release)
        conf.options["template"] = "1"

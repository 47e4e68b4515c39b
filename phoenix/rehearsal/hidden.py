"""Hidden: what a copy of a node must not hold. Passwords in its configuration become stars."""

from __future__ import annotations

import re

STARS = b"**********"
_GUEST = re.compile(rb"(?m)^(cipassword:[ \t]*)\S.*$")
_OTHER = re.compile(rb"(?mi)^([ \t]*[\w-]*(?:password|passphrase|secret|client-key)[ \t:]+)\S.*$")
_ADDRESS = re.compile(rb"(://[^/\s:@]*:)[^/\s@]+(?=@)")
_OPTION = re.compile(rb"(?i)((?:^|[\s,])(?:pass|passwd|password2?)=)[^,\s]+")
_USER = re.compile(rb"(?m)^(user:(?:[^:\n]*:){7})(?!x)([^:\n]+)")
"""The field of a user for keys of a second factor: `x` stands for one that is kept in priv, as it is today."""


def in_guest(text: bytes) -> bytes:
    """A guest's file without the password for cloud-init, which Proxmox VE may keep as it was typed."""
    return _GUEST.sub(rb"\1" + STARS, text)


def in_cluster(text: bytes) -> bytes:
    """Another file of /etc/pve without passwords."""
    return _USER.sub(rb"\1" + STARS, _ADDRESS.sub(rb"\1" + STARS, _OTHER.sub(rb"\1" + STARS, text)))


def in_fstab(text: bytes) -> bytes:
    """The table of what is mounted without the passwords that options may have."""
    return _OPTION.sub(rb"\1" + STARS, text)

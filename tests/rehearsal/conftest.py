"""What the tests of the rehearsal node share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from nodes import Node, make

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def new(tmp_path: Path) -> Callable[..., Node]:
    def build(release: str = "9", setup: dict[str, Any] | None = None) -> Node:
        root = tmp_path / f"node{release}"
        words = ["new", str(root), "--pve", release]
        if setup is not None:
            (tmp_path / "setup.json").write_text(json.dumps(setup))
            words += ["--from", str(tmp_path / "setup.json")]
        made = make(*words)
        assert made.code == 0, made
        return Node(root)

    return build

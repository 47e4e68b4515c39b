"""The rehearsal node agrees with the recorded real tools: every record of both releases is replayed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import fidelity


@pytest.mark.slow
@pytest.mark.parametrize("release", sorted(fidelity.SETS))
def test_enough_steps_agree(built, release, capsys):
    if not fidelity.is_here():
        reason = f"{fidelity.RECORDS} is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must test this: {reason}", pytrace=False)
        pytest.skip(reason)
    good, text = fidelity.replay(built, release, 1000)
    with capsys.disabled():
        print(f"\nProxmox VE {release}: {text.strip().splitlines()[-1]}")
    assert good, text

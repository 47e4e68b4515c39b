"""Fixtures of the tests on bare nodes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.bare import trees
from tests.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def bare_trees() -> None:
    """The trees of all suites; made if they are not there."""
    reason = trees.missing()
    if reason:
        unavailable(reason)
    try:
        trees.ready()
    except RuntimeError as error:
        unavailable(str(error))


@pytest.fixture(params=trees.SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    """Each suite in turn."""
    return str(request.param)


@pytest.fixture
def bare(bare_trees: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., trees.Node]]:
    """`bare(suite)` and `bare(suite, layer)` give a fresh node, which ends with the test."""
    with contextlib.ExitStack() as nodes:

        def make(suite: str, layer: Path | None = None) -> trees.Node:
            return nodes.enter_context(trees.bare(suite, tmp_path_factory.mktemp("node"), layer))

        yield make


@pytest.fixture
def node(bare: Callable[..., trees.Node], suite: str) -> trees.Node:
    """A fresh node of each suite in turn."""
    return bare(suite)

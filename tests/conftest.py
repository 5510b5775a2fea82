"""What all tests share: Hypothesis' settings, and the programs that some tests need."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

IN_CI = bool(os.environ.get("CI"))

# Machines differ in speed, so no test depends on it; in CI every run draws the same examples.
settings.register_profile(
    "cellprop",
    deadline=None,
    derandomize=IN_CI,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cellprop")


def requires(program: str, purpose: str) -> str:
    """Return the path of a program; without it the test is skipped, but in CI it fails."""
    found = shutil.which(program)
    if found is None:
        reason = f"`{program}` is not installed: {purpose}"
        if IN_CI:
            pytest.fail(f"{reason}; this test must run in CI")
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def libreoffice() -> str:
    """The path of LibreOffice."""
    return requires("soffice", "recalculates workbooks")


@pytest.fixture(scope="session")
def rscript() -> str:
    """The path of R."""
    return requires("Rscript", "runs the R text of the steps")

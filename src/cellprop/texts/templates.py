"""Where the templates are: what a teacher may restyle or reword without touching code."""

from __future__ import annotations

from pathlib import Path


def template(name: str) -> Path:
    """Return the path of a template: inside the installed package, or in the project folder."""
    here = Path(__file__).parents[1]
    # Inside first: an installed package's neighbours may have templates of their own.
    installed = here / "templates" / name
    return installed if installed.is_file() else here.parent.parent / "templates" / name

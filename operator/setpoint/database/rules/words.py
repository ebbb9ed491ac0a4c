"""Numbers as evidence shows them. Pure."""

from datetime import datetime

from setpoint.database.model import MIB_PAGES

_GIB = 1024


def when(moment: datetime | None) -> str:
    """`2026-11-24 15:30 UTC`, or never."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else "never"


def mebibytes(pages: float) -> str:
    """Pages of 8 KiB as MiB or GiB."""
    size = pages / MIB_PAGES
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size:.1f} MiB"


def lasting(seconds: float) -> str:
    """`3h 12m`, `45s`."""
    whole = int(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400}d {whole % 86_400 // 3600}h"
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60}m"
    return f"{whole // 60}m {whole % 60}s" if whole >= 60 else f"{whole}s"

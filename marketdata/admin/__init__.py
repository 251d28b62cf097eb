"""What the administrator sees of market data: feeds, coverage, instruments, and the trail of every change."""

from . import coverage, feeds, instruments, trail

__all__ = ["coverage", "feeds", "instruments", "trail"]

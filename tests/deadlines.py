"""The contract's deadlines, as tests hold to them: CI shares its cores; `scripts/test --slow` runs with the contract."""

import os
from typing import Final

import pytest

# Deadlines in CI are the contract's times this.
FACTOR: Final = float(os.environ.get("STRIKEWIRE_DEADLINE_FACTOR", "3"))
# For a fixture `factor`.
FACTORS: Final = (pytest.param(FACTOR, id="shared-machine"), pytest.param(1.0, id="contract", marks=pytest.mark.slow))

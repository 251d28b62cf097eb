"""What tests call their feeds: everybody may see them, save where a test is about that."""

from typing import Final

OPEN_FEEDS: Final = "simulated,replay,deribit,scripted,split,second,third,other,told,brought,said,lean,toy"

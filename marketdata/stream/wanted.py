"""Sets of instrument ids that connections want, each kept once: of people who watch the same chain or list, all hold one
set, and what is worked out for one of them serves all.
"""

from weakref import ReferenceType, WeakKeyDictionary, ref

Wanted = frozenset[int]
NOTHING: Wanted = frozenset()

_known: WeakKeyDictionary[Wanted, ReferenceType[Wanted]] = WeakKeyDictionary()


def shared(ids: Wanted) -> Wanted:
    """The one set of these ids; it is kept for as long as somebody holds it."""
    known = _known.get(ids)
    same = known() if known is not None else None
    if same is None:
        _known[ids] = ref(ids)
        return ids
    return same

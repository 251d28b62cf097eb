"""The same load on Strikewire and on what could be used in its place: `python -m benchmarks.peers`. Each peer is small,
ours to write, and as fast as its authors advise; the advice stands at the top of its file.
"""

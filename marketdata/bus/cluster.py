"""What a process needs of the rows' cluster to speak to it, on one event loop."""

from . import cluster_address
from .cluster_client import ClusterClient
from .topology import Topology


class Cluster:
    """It connects when first asked for something."""

    def __init__(self, url: str, name: str) -> None:
        self.topology = Topology(cluster_address.parse(url), name)
        self.client = ClusterClient(self.topology, name)

    async def close(self) -> None:
        self.client.close()
        await self.topology.close()

"""Units that do alike, in groups: what clustering needs is arrays, and no torch."""

from dgmtui.clusters.grouping import cluster_units
from dgmtui.clusters.kmeans import Partition, kmeans
from dgmtui.clusters.model import Clustering, Group
from dgmtui.clusters.numbering import renumbered
from dgmtui.clusters.seriation import ordered

__all__ = ["Clustering", "Group", "Partition", "cluster_units", "kmeans", "ordered", "renumbered"]

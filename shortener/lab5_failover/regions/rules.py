"""The rules by the names that RULE may have. Lab 5."""

from shortener.lab5_failover.regions.last_write_wins import LastWriteWins
from shortener.lab5_failover.regions.owner_region import OwnerRegion
from shortener.lab5_failover.regions.version_vector import VersionVector
from shortener.lab5_failover.regions.versions import Rule

NAMES = ("last-write-wins", "version-vector", "owner")


def rule_of(name: str, regions: tuple[str, ...]) -> Rule:
    """Raises ValueError for a name that no rule has."""
    match name:
        case "last-write-wins":
            return LastWriteWins()
        case "version-vector":
            return VersionVector()
        case "owner":
            return OwnerRegion(regions)
    raise ValueError(f"RULE={name} is none of {', '.join(NAMES)}")

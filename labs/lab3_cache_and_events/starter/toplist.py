"""Keeps the most clicked links in Redis, from the clicks that the worker counts. It needs its line in the Procfile."""

from events import follow


def apply(messages):
    # TODO top: ZINCRBY by link, and the offsets beside it (a hash), in one step: MULTI/EXEC or a script. Compare the
    #      offset first, as the worker does. Leave out what is no click: the worker sets it aside.
    raise NotImplementedError("the top list is not kept yet: TODO top in toplist.py")


def positions():
    # TODO top: from that hash. Is it gone, because Redis lost everything? Then each partition begins at 0 again.
    return {}


if __name__ == "__main__":
    follow("clicks", "toplist", apply, positions)

"""What lies under which key in Redis. Lab 3."""

LINK = "l:"  # and the id: what the cache knows of that link
TOP = "top"  # a sorted set: each clicked link's id with its number of clicks
TOP_OFFSETS = "top:offsets"  # a hash: by partition of the clicks, the offset up to which they are in it

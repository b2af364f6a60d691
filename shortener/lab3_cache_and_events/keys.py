"""What lies under which key in Redis. Lab 3."""

LINK = "l:"  # and the id: what the cache knows of that link
TOP = "top"  # a sorted set: each clicked link's id with its number of clicks

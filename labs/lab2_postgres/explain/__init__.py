"""`lab explain`: how Postgres answers GET /links?url=, without the index and with it, in words."""

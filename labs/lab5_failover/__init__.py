"""Lab 5: failover. Postgres on three nodes, and who leads them."""

"""What runs in each of lab 5's Postgres nodes. The containers mount this folder."""

"""Lab 5's Postgres cluster: who leads, who follows and how far behind, and how another one comes to lead."""

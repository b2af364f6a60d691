"""Lab 5's lesson of an election: three nodes, one job, and a leader that is paused past its lease."""

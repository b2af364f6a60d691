"""Two runtimes behind one protocol: real servers in containers (`docker`) or as plain processes (`local`)."""

"""`lab numbers`: the latency numbers that every design leans on, measured on this machine."""

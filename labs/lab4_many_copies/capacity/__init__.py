"""`lab capacity`: from what people do and what this machine can, to storage, bandwidth, memory and copies. Lab 4."""

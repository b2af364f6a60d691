"""Broken twins: services that differ from a right one by a single mistake, so that each check is seen to reject one."""

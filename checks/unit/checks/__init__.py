"""Tests of what turns pytest into `lab check`."""

"""Tests of the experiment: load, ledger, timeline, picture, and that nothing is left behind."""

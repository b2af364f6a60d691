"""`python -m shortener.release`: once, before any copy starts: the schema of the lab that LAB names."""

import os
import runpy
import sys

LAB3 = "shortener.lab3_cache_and_events.migrate"
LAB5 = "shortener.lab5_failover.migrate"
STEPS = {"2": "shortener.lab2_postgres.migrate", "3": LAB3, "4": LAB3, "5": LAB5}  # lab 4 adds nothing to the schema


def main() -> None:
    step = STEPS.get(os.environ.get("LAB", ""))
    if step is None:
        sys.exit(f"LAB is none of {', '.join(STEPS)}: set it to the lab whose schema shall be made.")
    runpy.run_module(step, run_name="__main__")


if __name__ == "__main__":
    main()

"""What turns pytest into `lab check`: verdicts, fixtures, and a report that a learner can act on."""

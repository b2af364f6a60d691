"""The one root of the errors that a learner can see: each message is a sentence with the next step."""


class LabError(Exception):
    """Something the learner can act on. `str(error)` is printed as it is; `exit_code` ends the command."""

    exit_code = 1


class NotSupported(LabError):  # noqa: N818 - reads as a verdict: "inconclusive: not supported here"
    """This runtime or machine cannot do that; a check that meets it is inconclusive, never green."""

    exit_code = 75


class NotInTime(LabError):  # noqa: N818 - reads as a verdict: "inconclusive: not in time"
    """The stage did not come to a state within its time, which says nothing of the service: a check that meets it is
    inconclusive, never green."""

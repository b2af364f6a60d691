"""A native box without needs of its own: nothing to make first, nothing to say afterwards, nothing to clear away."""

from __future__ import annotations

import signal

from infra.boxes.native import Plan, Progress


class PlainBox:
    """See NativeBox. A kind that is a process and little more begins here."""

    stop_signal = signal.SIGTERM
    leader_only = False
    tells_addresses = False

    def variables(self, port: int) -> dict[str, str]:
        return {}

    def prepare(self, plan: Plan, progress: Progress) -> None:
        """Nothing to make."""

    def obstacle(self, plan: Plan) -> str:
        return ""

    def afterwards(self, plan: Plan) -> list[str] | None:
        return None

    def tidy(self, plan: Plan) -> None:
        """It leaves nothing outside its folders."""

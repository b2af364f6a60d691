"""pytest's side of a run: which checks are chosen, what a check is given, and how its end becomes a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from checks.plugin.service import Sent, Service
from checks.plugin.stand import Stand, Stands, log_of
from checks.plugin.verdict import CheckFailed, Inconclusive, Result
from infra.errors import LabError, NotInTime, NotSupported


@dataclass
class Checks:
    """The plugin of one run. `names` picks checks (empty: all); `on_result` hears each verdict as it falls."""

    lab: int
    stands: Stands
    names: tuple[str, ...]
    on_result: Callable[[Result], None]
    results: list[Result] = field(default_factory=list)
    known: tuple[str, ...] = ()
    problem: str = ""  # why the run could not begin
    _used: list[Stand] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _began: float = 0.0
    _hopeless: bool = False
    _failed: bool = False

    # --- what a check is given

    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        """The stage under check: the learner's when it stands."""
        self._hopeless = True  # unless the stage stands, no other check needs to try
        yield from self._lend(self._shared)

    def _shared(self) -> Stand:
        stand = self.stands.shared()
        self._hopeless = False
        return stand

    @pytest.fixture
    def own_stand(self) -> Iterator[Stand]:
        """A stage that may be disturbed: filled with a million links, its index dropped."""
        yield from self._lend(self.stands.own)

    @pytest.fixture
    def small_stand(self) -> Iterator[Stand]:
        """A second stage of the run's own, with hardly anything in it."""
        yield from self._lend(lambda: self.stands.own("small"))

    @pytest.fixture
    def election_stand(self) -> Iterator[Stand]:
        """A stage of lab 5's nodes that elect a leader, and nothing else of the lab."""
        yield from self._lend(lambda: self.stands.own("election", frozenset({"lab-5-election"})))

    @pytest.fixture
    def regions_stand(self) -> Iterator[Stand]:
        """A stage of lab 5's two regions, and nothing else of the lab."""
        yield from self._lend(lambda: self.stands.own("regions", frozenset({"lab-5-regions"})))

    @pytest.fixture
    def service(self, stand: Stand) -> Service:
        return stand.service

    @pytest.fixture
    def note(self) -> Callable[[str], None]:
        """Say a figure beside the verdict: information, never judged."""
        return self._notes.append

    def _lend(self, get: Callable[[], Stand]) -> Iterator[Stand]:
        stand = get()
        self._used.append(stand)
        yield stand
        if self._failed and stand.own and not stand.whole():
            self.stands.drop(stand)  # a service that does not recover would be waited for in vain
        else:
            stand.mend()

    # --- which checks run

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.known = tuple(check_name(item) for item in items)
        twice = {name for name in self.known if self.known.count(name) > 1}
        if twice:
            self.problem = f"Two checks have the same name: {', '.join(sorted(twice))}."
        wanted = tuple(name.replace("_", "-") for name in self.names)
        unknown = [name for name in wanted if name not in self.known]
        if unknown:
            self.problem = f"There is no check of the name {', '.join(unknown)}. There are: {', '.join(self.known)}."
        if self.problem:
            items.clear()
        elif wanted:
            items[:] = [item for item in items if check_name(item) in wanted]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            last = str(report.longrepr).strip().splitlines()[-1:]
            self.problem = f"The checks cannot be read: {report.nodeid}: {''.join(last)}"

    # --- how a check's end becomes a verdict

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        """Run one check, teardown included, as one verdict."""
        self._used, self._notes = [], []
        self._began = time.monotonic()
        failure = self._run(item)
        result = self._judge(item, failure, time.monotonic() - self._began)
        self.results.append(result)
        self.on_result(result)
        if self._hopeless:
            item.session.shouldfail = "no stage stands"
        return True

    def _run(self, item: pytest.Item) -> BaseException | None:
        before = 0
        failure: BaseException | None = None
        try:
            item.session._setupstate.setup(item)
            before = self._sent()
            self._began = time.monotonic()  # a stage that had to be brought up is not the check's time
            item.runtest()
            if self._sent() == before:
                raise CheckFailed(
                    did="Ran the check.", expected="requests to the service", got="none was sent: that proves nothing"
                )
        except KeyboardInterrupt:
            raise
        except Exception as error:  # judged below, whatever it is
            failure = error
        self._failed = failure is not None
        try:
            item.session._setupstate.teardown_exact(None)
        except Exception as error:
            failure = failure or error
        return failure

    def _sent(self) -> int:
        return sum(stand.service.count for stand in self._used)

    def _judge(self, item: pytest.Item, failure: BaseException | None, seconds: float) -> Result:
        result = Result(check_name(item), title_of(item), "pass", round(seconds, 2), notes=tuple(self._notes))
        if isinstance(failure, (Inconclusive, NotSupported, NotInTime)):
            result.verdict, result.reason = "inconclusive", str(failure)
        elif failure is not None:
            result.verdict = "fail"
            self._explain(result, failure)
        return result

    def _explain(self, result: Result, failure: BaseException) -> None:
        stand = self._used[-1] if self._used else None
        if isinstance(failure, CheckFailed):
            result.did, result.expected, result.got = failure.did, failure.expected, failure.got
            result.request = failure.request or ""
        elif isinstance(failure, LabError):
            result.did, result.expected = "Worked on the stage.", "that it does what it is told"
            result.got = str(failure)
        else:
            last: Sent | None = stand.service.last if stand else None
            result.did, result.expected = "Ran the check.", "that it reaches a verdict"
            result.got = f"a defect of the check itself, in {where(failure)}: {type(failure).__name__}: {failure}"
            result.request = last.curl if last else ""
        result.log = log_of(stand.runtime) if stand else ""
        result.next = (
            getattr(failure, "next", None)
            or f"Mend it, then `lab check {self.lab} {result.name}`. Stuck? `lab hint {self.lab}`."
        )


def check_name(item: pytest.Item) -> str:
    """`check_url_kept` is called `url-kept`."""
    return item.name.removeprefix("check_").replace("_", "-")


def title_of(item: pytest.Item) -> str:
    """The first line of the check's docstring, its name when there is none."""
    document = (getattr(getattr(item, "obj", None), "__doc__", None) or "").strip()
    return document.splitlines()[0].rstrip(".") if document else check_name(item)


def where(error: BaseException) -> str:
    """file:line of the innermost frame of an exception."""
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"

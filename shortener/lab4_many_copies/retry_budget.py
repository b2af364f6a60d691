"""Retries are paid for by calls that succeed: when everything fails, there are soon no retries any more. Lab 4.

As gRPC throttles retries (proposal A6, "Client Retries", section "Throttling Retry Attempts and Hedged RPCs"): a
failure costs one token, a success brings a part of one, and below half of the tokens nothing is tried again. Without
it three tries each make of an overload a threefold one, a "retry storm"."""


class RetryBudget:
    def __init__(self, tokens: float, ratio: float) -> None:
        self._most, self._ratio = tokens, ratio
        self._tokens = tokens

    def allows(self) -> bool:
        return self._tokens > self._most / 2

    def succeeded(self, calls: int) -> None:
        if self._tokens < self._most:
            self._tokens = min(self._most, self._tokens + calls * self._ratio)

    def failed(self) -> None:
        self._tokens = max(0.0, self._tokens - 1)

"""Times several ways to compute one thing, in turns, and checks that they compute it."""

import time

import numpy as np

PAUSE = 0.3     # between contenders: threads of other libraries spin for a while after their work
BLOCK = 0.1     # seconds that a contender runs in one turn
TOLERANCE = 1e-3


class Contender:
    """`call()` computes and waits; `result()` is what a first call gives, as an array."""

    def __init__(self, name, call, result, version):
        self.name, self.call, self.result, self.version = name, call, result, version


def seconds(call, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def warm_up(contender):
    """The seconds of one call, once they no longer fall: libraries compile and tune in the first ones."""
    last = seconds(contender.call, 1)
    for _ in range(4):
        now = seconds(contender.call, 1)
        if now > 0.9 * last or now > 1:
            return now
        last = now
    return last


def check(contenders):
    """All give the same numbers as the first, or this raises."""
    first, *others = [(contender.name, np.asarray(contender.result(), np.float64)) for contender in contenders]
    for name, value in others:
        error = np.abs(value.reshape(first[1].shape) - first[1]).max() / np.abs(first[1]).max()
        if not error < TOLERANCE:
            raise AssertionError(f"{name} and {first[0]} differ by {error:.1e}")


def measure(contenders, rounds):
    """name: seconds of a call in each of `rounds` turns (3 where a call takes more than a second)."""
    estimates = {contender.name: warm_up(contender) for contender in contenders}
    check(contenders)
    times = {contender.name: [] for contender in contenders}
    for turn in range(rounds):
        for contender in contenders:
            estimate = estimates[contender.name]
            if turn >= 3 and estimate > 1:
                continue
            time.sleep(PAUSE)
            if estimate < BLOCK:
                contender.call()  # wakes its threads
            times[contender.name].append(seconds(contender.call, max(1, int(BLOCK / estimate))))
    return times

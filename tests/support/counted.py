"""What a component counts."""

from collections import Counter

from catflap.store.counters import CounterName


class Counted(Counter[tuple[str, str]]):
    """Counts by name and label, for the argument `count` of a component."""

    def __call__(self, name: CounterName, label: str, times: int = 1) -> None:
        self[name, label] += times

"""Act on a label: count how often something comes into the picture.

python samples/live_counter.py SOURCE LABEL [LABEL …]

    python samples/live_counter.py 0 "water bottle" "pop bottle"

A label counts once it has been shown for half a second, and again only after it was away for a second, so that a
flicker is no visit.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier


@dataclass
class Visits:
    """Calls back once for each visit of one of the labels.

    Attributes:
        labels: What counts.
        on_visit: Called with the label and the number of visits so far.
        after_s: How long it must be there before it counts.
        away_s: How long it must be gone before it counts again.
    """

    labels: frozenset[str]
    on_visit: Callable[[str, int], None]
    after_s: float = 0.5
    away_s: float = 1.0
    count: int = 0
    _present: bool = False
    _since_s: float | None = None
    _seen_s: float = float("-inf")

    def see(self, label: str, at_s: float) -> None:
        """Take the label of a frame that was grabbed at a monotonic time, in seconds."""
        if label not in self.labels:
            self._since_s = None
            self._present = self._present and at_s - self._seen_s < self.away_s
            return
        self._seen_s = at_s
        self._since_s = at_s if self._since_s is None else self._since_s
        if not self._present and at_s - self._since_s >= self.after_s:
            self._present = True
            self.count += 1
            self.on_visit(label, self.count)


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    visits = Visits(
        frozenset(sys.argv[2:]), lambda label, count: print(f"{time.strftime('%H:%M:%S')}  {label}: visit {count}")
    )
    with LiveClassifier(Classifier(), sys.argv[1], min_score=0.3) as live:
        for view in live:
            if view.frame is not None:
                # A file's own time where there is one, so that a file counts the same at any speed.
                position = view.frame.position_s
                visits.see(view.label, view.frame.grabbed_at if position is None else position)
    print(f"{visits.count} visits")


if __name__ == "__main__":
    main()

"""Several processes give what one does, in the same order."""

from __future__ import annotations

from flowrules.check import check
from flowrules.report.coverage import Mark, gather
from flowrules.report.expectations import judge
from flowrules.report.explain import Explanation
from flowrules.report.trials import tell
from flowrules.runtime.trial import Audience, Played, theatre
from flowrules.runtime.troupe import play_all, processes
from tests.trial.test_coverage import TESTS, whole


def play(jobs: int) -> list[Played[Explanation | None, frozenset[Mark]]]:
    snapshot = whole()
    checked = check(snapshot)
    assert checked.model is not None
    audience: Audience[Explanation | None, frozenset[Mark]] = Audience(judge, tell, gather)
    with theatre(snapshot, checked.model, checked.trials, audience) as stage:
        # One is open here already: the others must not use it.
        stage.play(checked.trials[0])
        return list(play_all(stage, checked.trials, jobs))


def test_several_processes_give_what_one_does() -> None:
    alone, together = play(1), play(3)
    assert alone == together
    assert len(alone) > len(TESTS)
    assert processes() >= 1

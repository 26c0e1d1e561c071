"""Arms that are scored as they are."""

from baselines.arm import Needs
from baselines.kinds.untrained import Untrained


def test_it_needs_nothing_and_leaves_nothing() -> None:
    arm = Untrained(policy="small", consultation={"tags": {"consult_open": "<ask>"}})
    assert arm.needs() == Needs() and arm.program is None
    assert arm.banned() == ("<ask>",)

"""The contribution of each agent: Shapley values over the committee, by the desk's own tally."""

from __future__ import annotations

import numpy as np

from coordinator.whatif.outlook import YARDSTICK, Outlook, side_of
from coordinator.whatif.retally import decide
from coordinator.whatif.rules import Rules
from coordinator.whatif.shapley import Shares, Watch, shapley
from market.bars import Floats

GAME = (
    "v(S): S decides as if it were the whole committee, its members' weights all the weight there "
    f"is, threshold and quorum as stated; {YARDSTICK}. v of nobody is 0. The market path is fixed"
)


def contributions(
    scores: Floats, outlook: Outlook, rules: Rules, seed: int, watch: Watch | None = None
) -> Shares:
    """Shapley values of the agents that sit, in basis points a decision, of the game GAME.

    scores: (D, A, N) as recorded. seed: of the sample, where there are too many agents for all
    coalitions. NaN where no decision has a next bar.
    """
    known = outlook.known
    returns = outlook.returns_bps[known]
    votes = np.stack([scores[:, seat, :][known] for seat in rules.seats])

    def worth(coalition: int) -> float:
        members = [at for at in range(len(rules.seats)) if coalition >> at & 1]
        if not members:
            return 0.0
        decided = decide(votes[members], rules.weights[members], rules.threshold, rules.quorum)
        return float(np.mean(side_of(decided.outcome) * returns)) if len(returns) else float("nan")

    return shapley(worth, len(rules.seats), np.random.default_rng(seed), watch)

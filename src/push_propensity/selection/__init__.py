"""From trials to a winner: sweeps over the folds, the leaderboard, the choice, studies of variants.

Only folds decide here; the test part is for `evaluation` and `reports`.
"""

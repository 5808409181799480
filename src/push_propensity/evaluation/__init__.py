"""How good probabilities are: metrics, resamples, curves, thresholds, importance, slices, lags.

Nothing here fits a model, and nothing here says a result in words: that is `reports`.
"""

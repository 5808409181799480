"""How good probabilities are: metrics, resamples, curves, calibration, slices, lags and more.

Nothing here fits a model, and nothing here says a result in words: that is `reports`.
"""

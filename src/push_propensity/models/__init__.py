"""Families of models: encoder, estimator, margin, calibration and the export to one ONNX graph.

Which of them is best is decided in `selection`; what is published is put together in `training`.
"""

"""The feature frame: its columns, the contract they keep, its quality, its split and its weights.

How a frame is made of raw tables is in `features`; nothing here knows a model.
"""

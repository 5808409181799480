"""Plotly figures: of the report, of the data's quality, of the feature study."""

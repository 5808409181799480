"""Everything that predicting needs: published bundles, the users' features, sessions and scores.

Only light imports: no pandas, scikit-learn, xgboost or Ibis.
"""

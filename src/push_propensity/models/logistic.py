"""Logistic regression with an elastic-net penalty, fitted in a few second-order steps."""

from typing import Any, Self

import numpy as np
import tabmat
from glum import GeneralizedLinearRegressor
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csc_matrix
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

DENSE_SHARE = 0.1  # of its rows a column has to fill to be held as a dense one


class PenalisedLogisticRegression(LogisticRegression):  # type: ignore[misc]
    """scikit-learn's `LogisticRegression` fitted by glum, which minimises the same.

    That is `C` times the weighted sum of the rows' log losses plus `l1_ratio` times the L1 norm and
    `(1 - l1_ratio) / 2` times the squared L2 norm of the coefficients; the intercept is free. glum
    takes iteratively reweighted least-squares steps, by coordinate descent where there is an L1
    penalty (Friedman, Hastie and Tibshirani, 2010). scikit-learn's only solver for that penalty,
    `saga`, takes thousands of passes over the rows where features say nearly the same.

    `tol` bounds the gradient of the mean log loss.
    """

    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to encoded rows.

        Args:
            X: Encoded rows, dense or sparse, shape (rows, columns).
            y: Their outcomes, of two classes, shape (rows,).
            sample_weight: Their weights, shape (rows,); None: all 1.

        Raises:
            ValueError: There are not two classes.
        """
        classes, outcome = np.unique(np.asarray(y), return_inverse=True)
        if len(classes) != 2:
            raise ValueError(f"Expected outcomes of two classes, got {len(classes)}.")
        weight = np.ones(len(outcome)) if sample_weight is None else np.asarray(sample_weight)
        model = GeneralizedLinearRegressor(
            family="binomial",
            alpha=1 / (self.C * weight.sum()),
            l1_ratio=self.l1_ratio,
            gradient_tol=self.tol,
            max_iter=self.max_iter,
        )
        rows = tabmat.from_csc(csc_matrix(X), DENSE_SHARE)
        with threadpool_limits(1):  # several threads add up in an order of their own, no faster
            model.fit(rows, outcome, sample_weight=weight)
        self.classes_ = classes
        self.coef_ = model.coef_[np.newaxis]
        self.intercept_ = np.array([model.intercept_])
        self.n_features_in_ = X.shape[1]
        self.n_iter_ = np.array([model.n_iter_])
        return self

"""The penalised logistic regression minimises what scikit-learn's does."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from push_propensity.models.logistic import PenalisedLogisticRegression


@pytest.fixture(scope="module")
def rows():
    """Three dense columns, two of them nearly the same, six sparse ones, outcomes and weights."""
    generator = np.random.default_rng(5)
    dense = generator.normal(size=(3_000, 3))
    dense[:, 1] = dense[:, 0] + 0.05 * dense[:, 1]
    sparse = (generator.integers(20, size=(3_000, 1)) == np.arange(6)).astype(float)
    margin = dense[:, 0] - dense[:, 2] + 2 * sparse[:, 0] - 2
    outcome = (generator.random(3_000) < 1 / (1 + np.exp(-margin))).astype(float)
    encoded = hstack([csr_matrix(dense), csr_matrix(sparse)], format="csr")
    return encoded, outcome, generator.choice([1.0, 4.0], size=3_000)


def fit(rows, C=0.05, l1_ratio=0.0, **more):
    made = PenalisedLogisticRegression(C=C, l1_ratio=l1_ratio, tol=1e-7, max_iter=200, **more)
    return made.fit(*rows)


def objective(model, rows, C, l1_ratio):
    encoded, outcome, weight = rows
    coefficients = model.coef_[0]
    margin = encoded @ coefficients + model.intercept_
    losses = np.logaddexp(0, -np.where(outcome > 0, margin, -margin))
    l1, l2 = np.abs(coefficients).sum(), (coefficients**2).sum() / 2
    return C * (weight * losses).sum() + l1_ratio * l1 + (1 - l1_ratio) * l2


@pytest.mark.parametrize("C", [1e-3, 0.05, 10.0])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("weighted", [True, False])
def test_it_minimises_what_scikit_learn_minimises(rows, C, l1_ratio, weighted):
    """At least as far: `saga` stops before the intercept is right where no coefficient is left."""
    encoded, outcome, weight = rows
    given = (encoded.toarray(), outcome, weight if weighted else np.ones(len(outcome)))
    solver = {"solver": "saga", "max_iter": 50_000} if l1_ratio else {"solver": "newton-cholesky"}
    reference = LogisticRegression(C=C, l1_ratio=l1_ratio, tol=1e-8, **solver).fit(*given)
    made, least = fit(given, C, l1_ratio), objective(reference, given, C, l1_ratio)
    assert objective(made, given, C, l1_ratio) <= least + 1e-9 * abs(least)
    np.testing.assert_allclose(made.coef_, reference.coef_, atol=2e-3)
    probability = 1 / (1 + np.exp(-made.decision_function(encoded)))
    np.testing.assert_allclose(made.predict_proba(encoded)[:, 1], probability)


def test_sparse_and_dense_rows_give_the_same_model(rows):
    encoded, outcome, weight = rows
    dense = fit((encoded.toarray(), outcome, weight), l1_ratio=0.5)
    np.testing.assert_allclose(fit(rows, l1_ratio=0.5).coef_, dense.coef_, atol=1e-12)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_the_same_rows_give_the_same_bytes(rows, l1_ratio):
    first, again = (fit(rows, l1_ratio=l1_ratio).coef_.tobytes() for _ in range(2))
    assert first == again


def test_one_class_is_an_error(rows):
    with pytest.raises(ValueError, match="two classes, got 1"):
        fit((rows[0], np.zeros(3_000), None))

"""One run of the reporting pipeline that the tests of this folder share."""

import pytest

from tests.reporting.measured_shop import make_inputs, run_reporting


@pytest.fixture(scope="session")
def inputs():
    return make_inputs()


@pytest.fixture(scope="session")
def results(inputs):
    return run_reporting(inputs)


@pytest.fixture(scope="session")
def scores(results):
    return results["test_scores"]

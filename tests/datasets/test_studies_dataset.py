import pytest
from kedro.io import DataCatalog, DatasetError

from push_propensity.selection.studies import Studies


@pytest.fixture
def catalog(tmp_path):
    entry = {
        "type": "push_propensity.datasets.studies_dataset.StudiesDataset",
        "filepath": str(tmp_path / "studies"),
    }
    return DataCatalog.from_config({"studies": entry})


def test_the_folder_is_made_by_the_first_search(catalog, tmp_path):
    assert catalog.exists("studies")
    studies = catalog.load("studies")
    assert studies == Studies(tmp_path / "studies")
    assert not studies.folder.exists()
    studies.open("xgboost", "name")
    assert [path.name for path in studies.folder.iterdir()] == ["xgboost-name.log"]


def test_searches_alone_write_journals(catalog):
    with pytest.raises(DatasetError, match="read only"):
        catalog.save("studies", Studies())

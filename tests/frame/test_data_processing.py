"""The pipeline as a whole: in memory, on the project's own catalog, and with bad input."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro.validation import DataValidationError, TypeExtractor

from push_propensity.errors import DataError
from push_propensity.frame.contract import check_feature_frame
from push_propensity.frame.quality import QualityOptions, QualityReport
from push_propensity.frame.split import FoldOptions, SplitOptions, fold_masks
from push_propensity.ingestion.read_errors import explain_read_error
from push_propensity.pipelines.data_processing import create_pipeline

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = {"split": SplitOptions, "folds": FoldOptions, "quality": QualityOptions}
ENVIRONMENTS = ["local", "box_builder_frame", "box_builder"]
RESULTS = [
    *["train", "validation", "calibration", "test", "split_days", "folds"],
    *["split_summary", "data_quality", "data_quality_figure"],
]


def load_config(kind: str, environment: str = "local") -> dict[str, Any]:
    loader = OmegaConfigLoader(str(CONF), env=environment, base_env="base", default_run_env="local")
    return dict(loader[kind])


def in_folder(folder: Path) -> DataCatalog:
    """The project's own entries of this pipeline, their files moved into a folder."""
    names = create_pipeline().datasets()
    config = {name: dict(entry) for name, entry in load_config("catalog").items() if name in names}
    for entry in config.values():
        if "filepath" in entry:
            entry["filepath"] = str(folder / entry["filepath"])
    catalog = DataCatalog.from_config(config)
    for name, model in OPTIONS.items():
        catalog[f"params:{name}"] = MemoryDataset(model())
    return catalog


def run_on(folder: Path, content: pd.DataFrame | str | None) -> DataCatalog:
    """Run on a CSV file of the given frame, text, or none at all."""
    path = folder / "data/01_raw/feature_frame_20210304.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if isinstance(content, pd.DataFrame):
        content.to_csv(path, index=False)
    elif content is not None:
        path.write_text(content)
    catalog = in_folder(folder)
    SequentialRunner().run(create_pipeline(), catalog)
    return catalog


@pytest.fixture
def run(tmp_path: Path) -> Callable[[pd.DataFrame | str | None], DataCatalog]:
    return partial(run_on, tmp_path)


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, make_feature_frame: Callable[..., pd.DataFrame]
) -> Path:
    """A folder with the results of a run that went well."""
    folder = tmp_path_factory.mktemp("results")
    run_on(folder, make_feature_frame())
    return folder


class TestResults:
    def test_in_memory(self, feature_frame):
        inputs = {"feature_frame@pandas": feature_frame}
        inputs |= {f"params:{name}": model() for name, model in OPTIONS.items()}
        catalog = DataCatalog({name: MemoryDataset(data) for name, data in inputs.items()})
        outputs = SequentialRunner().run(create_pipeline(), catalog)
        assert set(outputs) == {"split_summary", "folds", "data_quality_figure"}
        summary = outputs["split_summary"].load()
        items = feature_frame.groupby("order_id")["outcome"].sum()
        assert sum(part["orders"] for part in summary.values()) == (items >= 5).sum()

    def test_from_a_file_to_files(self, run, feature_frame):
        shuffled = feature_frame.sample(frac=1.0, random_state=5)[feature_frame.columns[::-1]]
        catalog = run(shuffled)
        items = feature_frame.groupby("order_id")["outcome"].sum()
        kept = feature_frame[feature_frame["order_id"].map(items) >= 5]
        parts = [catalog.load(name) for name in RESULTS[:4]]
        found = pd.concat(parts, ignore_index=True)
        pd.testing.assert_frame_equal(found, check_feature_frame(kept.reset_index(drop=True)))
        folds = catalog.load("folds")
        development = pd.concat(parts[:2], ignore_index=True)
        assert [fold for fold, _, _ in fold_masks(development, folds)] == [1, 2, 3]
        report = QualityReport.model_validate(catalog.load("data_quality"))
        assert report.overview["orders"] == 120
        assert "Data quality" in catalog.load("data_quality_figure").layout.title.text

    def test_a_vendor_called_na_and_text_ids(self, run, feature_frame):
        ids = "u" + feature_frame["user_id"].astype("str")
        vendor = feature_frame["vendor"].replace("vendor-0", "NA")
        catalog = run(feature_frame.assign(vendor=vendor, user_id=ids))
        train = catalog.load("train")
        assert "NA" in set(train["vendor"])
        assert set(train["user_id"]) <= set(ids)


class TestWiring:
    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_every_input_and_output_is_in_the_catalog(self, environment):
        pipeline, catalog = create_pipeline(), load_config("catalog", environment)
        data = {name for name in pipeline.datasets() if not name.startswith("params:")}
        assert data <= set(catalog)

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_results_stay_below_the_root_of_their_environment(self, environment):
        root = load_config("globals", environment)["output_root"]
        catalog = load_config("catalog", environment)
        assert root == ("data" if environment == "local" else f"data/environments/{environment}")
        assert all(catalog[name]["filepath"].startswith(f"{root}/0") for name in RESULTS)

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_every_environment_checks_its_feature_frame(self, environment):
        entry = load_config("catalog", environment)["feature_frame@pandas"]
        assert entry["validator"]["class"] == "push_propensity.frame.contract.check_feature_frame"
        assert entry["metadata"]["kedro-viz"]["preview"] is False

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_parameters_load_as_their_models(self, environment):
        parameters = load_config("parameters", environment)
        for name, model in OPTIONS.items():
            assert set(parameters[name]) == set(model.model_fields)
            model.model_validate(parameters[name])

    def test_parameters_are_typed(self):
        extractor = TypeExtractor({"data_processing": create_pipeline()})
        assert extractor.extract_types_from_pipelines() == OPTIONS

    def test_nodes_are_named_after_their_functions(self):
        assert all(node.name == node.func.__name__ for node in create_pipeline().nodes)


def contents(folder: Path) -> dict[str, bytes]:
    """Every result below a folder, by its path."""
    files = [path for path in (folder / "data").glob("0[58]*/**/*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def on_first_day(frame: pd.DataFrame, days: int) -> pd.DataFrame:
    """Move the orders of the first days to the first one."""
    first = frame["order_date"].min()
    early = frame["order_date"] < first + pd.Timedelta(days=days)
    return frame.assign(
        created_at=frame["created_at"].mask(early, first),
        order_date=frame["order_date"].mask(early, first),
    )


def spoil(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    changed = frame.astype({column: object})
    changed.loc[changed.index[:5], column] = value
    return changed


BAD_INPUT: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame | str | None], str]] = {
    "missing file": (lambda frame: None, "no such file"),
    "empty file": (lambda frame: "", "the file is empty"),
    "header without rows": (lambda frame: frame.head(0), "no rows"),
    "no header": (
        lambda frame: frame.to_csv(index=False, header=False),
        "Is the first line the header",
    ),
    "semicolons": (lambda frame: frame.to_csv(index=False, sep=";"), "separated by commas"),
    "missing column": (lambda frame: frame.drop(columns="vendor"), "missing: vendor"),
    "surplus column": (lambda frame: frame.assign(size=1), "not expected: size"),
    "doubled column": (
        lambda frame: pd.concat([frame, frame[["vendor"]]], axis="columns"),
        "doubled: vendor",
    ),
    "text for numbers": (
        lambda frame: spoil(frame, "count_pets", "two"),
        "count_pets: expected a number in every row, neither text nor empty; 5 of 3,600",
    ),
    "outcome of 2": (
        lambda frame: spoil(frame, "outcome", 2),
        "outcome: expected only 0 and 1; 5 of 3,600",
    ),
    "text for times": (
        lambda frame: spoil(frame, "created_at", "noon"),
        "created_at: expected a time",
    ),
    "empty ids": (lambda frame: spoil(frame, "user_id", None), "user_id: expected an id"),
    "no order of 5 items": (
        lambda frame: frame.assign(outcome=(frame["variant_id"] < 33000004).astype(float)),
        "No order holds at least 5 purchases",
    ),
    "too few purchases": (
        lambda frame: frame[frame["order_id"] < 9000010],
        "Too few purchases",
    ),
    "a part without purchases": (lambda frame: on_first_day(frame, 60), "No purchases for train"),
    "a fold without purchases": (
        lambda frame: on_first_day(frame, 38),
        "Fold 1 of 3 has 0 orders to train on",
    ),
}


class TestBadInput:
    @pytest.mark.parametrize("case", BAD_INPUT)
    def test_stops_with_one_clear_message_and_leaves_earlier_results(
        self, run, results, feature_frame, tmp_path, case
    ):
        shutil.copytree(results, tmp_path, dirs_exist_ok=True)
        before = contents(tmp_path)
        spoilt, expected = BAD_INPUT[case]
        with pytest.raises(Exception) as caught:  # noqa: PT011
            run(spoilt(feature_frame))
        explained = explain_read_error(caught.value, "feature_frame_20210304.csv")
        assert isinstance(explained, DataError)
        assert expected in str(explained)
        assert len(before) == len(RESULTS)
        assert contents(tmp_path) == before

    def test_kedro_names_the_dataset(self, run, feature_frame):
        with pytest.raises(DataValidationError, match="dataset 'feature_frame@pandas' on load"):
            run(feature_frame.drop(columns="vendor"))

"""The body of the decision report: its sections, in order, with the charts and tables of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from push_propensity.frame.split import DEVELOPMENT, SplitOptions
from push_propensity.ingestion import describe as describe_intake
from push_propensity.models.families import FAMILIES
from push_propensity.reports import tables
from push_propensity.reports.figures.report import MOST_DRAWN
from push_propensity.reports.findings import Evidence, metric_sentence
from push_propensity.reports.tables import TableView
from push_propensity.reports.wording import count, percent, plural


@dataclass(frozen=True)
class Chart:
    """A figure in the report and how to read it.

    Attributes:
        name: Of the figure.
        reading: What to look for, in a sentence or two.
        wide: Whether it takes the full width of the page.
    """

    name: str
    reading: str
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, charts and tables."""

    identifier: str
    title: str
    text: tuple[str, ...]
    charts: tuple[Chart, ...] = ()
    tables: tuple[TableView, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What the report says about the run besides its results.

    Attributes:
        parts: From `split.summarise_split`.
        checks: The checks of `quality.assess_quality`.
        split: Which orders count.
        intake: From `ingestion.report_intake`; None where the run started from other tables.
    """

    parts: Mapping[str, Mapping[str, Any]]
    checks: Sequence[Mapping[str, Any]]
    split: SplitOptions
    intake: Mapping[str, Any] | None


HEADLINE_CHART = Chart(
    "headline_figure",
    "For each product the likeliest of the users who order are notified first. Higher is better.",
)
RULES = {
    "best": "the one with the highest mean",
    "one_standard_error": "the simplest one within one standard error of the highest mean",
}


ITEMS = {"listed": "", "all": ", products that are not in the frame included"}


def sections(evidence: Evidence, setting: Setting) -> list[Section]:
    """The body of the report, in order."""
    return [
        _measured(evidence, setting),
        _leaderboard(evidence),
        _test(evidence),
        _gains(evidence),
        _ranking(),
        _calibration(evidence),
        _decisions(evidence),
        _regularisation(),
        _features(evidence),
        _parts(evidence),
        _lags(evidence),
        _today(evidence),
        _data(setting),
    ]


def _measured(evidence: Evidence, setting: Setting) -> Section:
    split = setting.split
    text = (
        "The sales team picks a product first, so what counts is how well users are ranked within "
        "a product. Product average precision (product AP) is the average precision over the rows "
        "of one product, averaged over the products with their purchases as weights. Figures over "
        "all rows pooled mostly reward knowing which products are popular; they stand beside it.",
        f"{metric_sentence(evidence)} The average precision of few purchases is higher by luck "
        "alone: compare entries on the same window, not windows of different sizes.",
        "A row is one order and one product listed at its time. Only orders of at least "
        f"{plural(split.minimum_items, 'item')} count{ITEMS[split.basket]}. Models were fitted "
        "on train, compared on rolling-origin folds, calibrated on the calibration window and "
        "measured once on test, whose rows were used for no fit, no sweep and no threshold. "
        "Intervals come from drawing whole users with replacement.",
        "Rows are scored as of the order's time; a notification goes out earlier, when less is "
        "known. Products new to the shop and users without a second order are not among them. "
        "A probability is not the effect of a notification.",
        *_sampled(setting),
        *_drawn(evidence, setting),
    )
    return Section(
        "measured", "How it was measured", text, (), (tables.split_table(setting.parts),)
    )


def _sampled(setting: Setting) -> Iterator[str]:
    """Say so where train is a sample."""
    train = setting.parts["train"]
    if train["candidate_rows"] > train["rows"]:
        yield (
            f"Train is a sample: its {count(train['rows'])} rows stand for about "
            f"{count(train['candidate_rows'])} candidate rows. All purchases are in it; every row "
            "counts by its weight in training and in the folds. The other parts are whole."
        )


def _drawn(evidence: Evidence, setting: Setting) -> Iterator[str]:
    """Say so where the winner was fitted to a share of the rows."""
    fitted = float(evidence.fits.set_index("entry")["fitted_rows"][evidence.name])
    rows = sum(setting.parts[part]["rows"] for part in DEVELOPMENT)
    if fitted < rows:
        yield (
            f"{evidence.label} was fitted to {count(fitted)} of the {count(rows)} rows of train "
            "and validation: every purchase and a seeded share of the other rows, each of which "
            "counts for as many as it stands for."
        )


def _leaderboard(evidence: Evidence) -> Section:
    chart = Chart(
        "leaderboard_figure",
        "Grey: mean over the folds that the choice was made on. Blue: the test window, never used "
        "for a choice. Bars that overlap widely mean no clear order.",
        wide=True,
    )
    rule = str(evidence.winner["rule"])
    text = (
        "The winner is the candidate with the highest mean product AP over the folds, each "
        f"candidate standing with one trial: {RULES.get(rule, rule)}. Baselines are in the table "
        f"to be beaten: {_baselines(evidence)}."
    )
    board = tables.leaderboard_table(evidence.leaderboard)
    return Section("leaderboard", "Leaderboard", (text,), (chart,), (board,))


def _baselines(evidence: Evidence) -> str:
    known = (FAMILIES[name].about for name in evidence.baselines if name in FAMILIES)
    return "; ".join(filter(None, known))


def _test(evidence: Evidence) -> Section:
    chart = Chart(
        "comparisons_figure",
        "Right of zero the winner is better. Every entry was measured on the same resamples of "
        "users; a grey dot is a difference within noise.",
        wide=True,
    )
    views = (
        tables.metrics_table(evidence),
        tables.segments_table(evidence),
        replace(tables.comparisons_table(evidence), folded=True),
    )
    text = (
        "All entries on the test window; the constant shows what no skill reaches. Higher is "
        "better, except for log loss, Brier score and calibration error."
    )
    return Section("test", "Results on test", (text,), (chart,), views)


def _gains(evidence: Evidence) -> Section:
    chart = Chart(
        "gains_figure",
        "For each product its users are notified from the likeliest down. The dashed line marks "
        f"{percent(evidence.options.notified_share)}; the diagonal is what sending at random "
        "reaches.",
        wide=True,
    )
    text = (
        "How many of a product's buyers are reached when a share of users is notified, averaged "
        "over all products with their purchases as weights. A user counts once per order."
    )
    return Section("gains", "Buyers reached", (text,), (chart,))


def _ranking() -> Section:
    charts = (
        Chart(
            "product_precision_recall_figure",
            "Users ranked within each product; the area under a line is its product AP.",
        ),
        Chart(
            "precision_recall_figure",
            "All rows in one ranking; the area under a line is its pooled AP.",
        ),
        Chart("product_roc_figure", "Users ranked within each product: what the sales team needs."),
        Chart(
            "roc_figure", "All rows in one ranking: flatters whatever knows the popular products."
        ),
    )
    text = "Each curve twice: with users ranked within a product, and with all rows in one ranking."
    return Section("ranking", "Precision, recall and ROC", (text,), charts)


def _calibration(evidence: Evidence) -> Section:
    sure = percent(evidence.options.confidence)
    charts = (
        Chart(
            "calibration_figure",
            "On the diagonal, of rows given 10 %, 10 % were bought. Each point holds equally many "
            f"expected purchases; bars are {sure} Wilson intervals.",
            wide=True,
        ),
        Chart(
            "expected_figure",
            f"Right of the line more was bought than {evidence.label} expected. Of many parts "
            "some are off by chance alone. In brackets: purchases made.",
            wide=True,
        ),
        Chart(
            "products_figure",
            f"A dot is a product. Between the dotted lines lies what chance explains ({sure} of "
            "the products if every probability is right). Scales are of square roots, on which "
            "chance scatters all products alike, however often they are bought.",
            wide=True,
        ),
    )
    text = (
        "Whether a probability can be read as one: the expected purchases of a campaign rest on "
        "it. Add up the probabilities of the users to be notified and you have how many of them "
        "are expected to buy if they order.",
        "Slope and intercept are of a logistic regression of what was bought on the log-odds: 1 "
        "and 0 are right. A slope below 1 means that high probabilities are too high and low ones "
        "too low, one above 1 the reverse.",
        "Every entry was calibrated on the calibration window, by a sigmoid or by beta "
        "calibration, beta where its log loss on users to whom it was not fitted is lower by more "
        "than a standard error (unless the parameters name one). Isotonic regression is there "
        "to compare with.",
    )
    views = (
        tables.calibration_table(evidence),
        replace(tables.calibration_methods_table(evidence), folded=True),
        replace(tables.calibration_parts_table(evidence), folded=True),
        replace(tables.products_table(evidence), folded=True),
    )
    return Section("calibration", "Calibration", text, charts, views)


def _decisions(evidence: Evidence) -> Section:
    source = (
        "The threshold was set in the parameters."
        if evidence.options.threshold is not None
        else "Each entry's threshold is the one with the highest F1 on the calibration window."
    )
    charts = (
        Chart("confusion_figure", f"Rows of the test window as {evidence.label} decides them."),
        Chart("thresholds_figure", "Further right fewer users are notified, and more of them buy."),
    )
    text = f"Yes or no at a threshold on the probability, one threshold for all products. {source}"
    view = tables.decisions_table(evidence)
    return Section("decisions", "Decision at a threshold", (text,), charts, (view,))


def _regularisation() -> Section:
    chart = Chart(
        "regularisation_figure",
        "Line: the best trial at each value, with the range of its folds. Faint dots: other trials "
        "at that value. Trials that were given up after a fold or two are left out.",
        wide=True,
    )
    text = "How product AP on the folds moved with each parameter of the sweeps."
    return Section("regularisation", "Regularisation", (text,), (chart,))


def _features(evidence: Evidence) -> Section:
    chart = Chart(
        "importance_figure",
        "How much average precision is lost when the feature's values are shuffled over all rows; "
        f"bars are standard deviations over shuffles. At most {MOST_DRAWN} features are drawn.",
        wide=True,
    )
    text = (
        f"{evidence.label} is given {evidence.features}. Permutation importance, on orders of the "
        f"{evidence.options.importance_window} window, says what this model uses, not what causes "
        "purchases; columns that say the same share the loss."
    )
    view = replace(tables.importance_table(evidence.importance), folded=True)
    return Section("features", "Features", (text,), (chart,), (view,))


def _parts(evidence: Evidence) -> Section:
    minimum = evidence.options.minimum_slice_purchases
    charts = (
        Chart(
            "product_types_figure",
            f"Product types with at least {minimum} purchases on test (number in brackets), the "
            "others together.",
            wide=True,
        ),
        Chart(
            "users_figure", "A user's second order is the first one with any history.", wide=True
        ),
        Chart(
            "weeks_figure",
            "Weeks differ in size and in no skill, and the first and the last may be parts of one: "
            "judge each against its own no skill, and conclude nothing on whether quality holds.",
            wide=True,
        ),
    )
    views = tuple(
        replace(tables.slices_table(evidence, dimension, caption), folded=True)
        for dimension, caption in (
            ("product_type", "By product type"),
            ("user", "By the user's history"),
            ("product", "By how long the product has been sold"),
            ("week", "By week"),
        )
        if dimension in set(evidence.slices["dimension"])
    )
    text = (
        f"Product AP of {evidence.label} in parts of the test window, each with what equal scores "
        "would reach there (no skill). Within a part, products with at least 5 purchases count; "
        "smaller parts show higher figures by luck alone, so judge each against no skill."
    )
    return Section("parts", "Quality by product type, user and week", (text,), charts, views)


def _lags(evidence: Evidence) -> Section:
    title = "Features taken earlier"
    if evidence.lags.empty:
        text = (
            "What quality survives when features are taken hours before the order was not measured "
            "for this winner and test part. It takes the raw tables, to build the features again: "
            "a ready feature frame does not do. Where there are raw tables, kedro run measures it; "
            "kedro run --pipelines lag_study,reporting adds it to results that are there."
        )
        return Section("lags", title, (text,))
    chart = Chart(
        "lags_figure",
        "The same orders and models; what happened after the moment is not known to the features.",
        wide=True,
    )
    text = (
        "A notification goes out before the user comes back. Here the features of each order of "
        "the test window were built again from the raw tables, as of hours before it. Products "
        "that were not listed then have no row, so rows and purchases may differ a little."
    )
    return Section("lags", title, (text,), (chart,), (tables.lags_table(evidence),))


def _today(evidence: Evidence) -> Section:
    title = "Users of today"
    if evidence.who_left.empty:
        text = (
            "What the candidates say about every active user was not measured: there is no current "
            "frame with their features. It takes the raw tables; kedro run --pipelines "
            "current_frame,reporting adds it to results that are there."
        )
        return Section("today", title, (text,))
    row = evidence.who_left.iloc[0]
    text = (
        f"Models learn from users who order; scored is every active user, here as of "
        f"{row['as_of']}: {count(row['pairs'])} pairs of user and product. A number beyond what "
        "training saw counts as the end of its range, the time since something happened as its "
        "99th percentile. A user who last bought the product longer ago than anybody in training "
        f"({plural(int(row['longest']), 'day')}) gets at most the product's popularity."
    )
    views = (tables.who_left_table(evidence), tables.outside_table(evidence))
    shown = tuple(view for view in views if view.rows)
    return Section("today", title, (text,), (), shown)


def _data(setting: Setting) -> Section:
    troubled = [check for check in setting.checks if check["verdict"] != "pass"]
    passed = [check for check in setting.checks if check["verdict"] == "pass"]
    views = (
        tables.quality_table(troubled, "Checks that warn or fail"),
        replace(tables.quality_table(passed, "Checks that pass"), folded=True),
    )
    text = [tables.quality_sentence(setting.checks)]
    if setting.intake:
        text.append(describe_intake(dict(setting.intake)))
    shown = tuple(view for view in views if view.rows)
    return Section("data", "Data quality", tuple(text), (), shown)

"""What worked, what did not and by how much: sentences made from the numbers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import Any, Literal

import pandas as pd
from scipy.stats import t

from push_propensity.evaluation.current import TOP_SHARE
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.uncertainty import GAIN
from push_propensity.frame.columns import describe_features
from push_propensity.reports.wording import (
    DECIMALS,
    count,
    defined,
    entry_label,
    hours_before,
    hundred_span,
    listing,
    metric_label,
    metric_number,
    number,
    of_hundred,
    percent,
    percent_span,
    plural,
    sentence_start,
    span,
)

CART = "abandoned_before"
LOG_LOSS = "log_loss"
SWEPT = "Regularisation"
WEIGHTY_SHARE = 1 / 3
FAR_OFF = 0.1  # a tenth too many or too few
Verdict = Literal["worked", "failed", "noise", "note"]
Table = pd.DataFrame


@dataclass(frozen=True)
class Finding:
    """One statement, what it is about and how it ended."""

    topic: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Evidence:
    """The tables that the findings are read from.

    Attributes:
        winner: With the name of the winner as `candidate`.
        leaderboard: One row per entry, the best on the folds first.
        metrics: From `uncertainty.measure_test`.
        comparisons: From `uncertainty.compare_entries`.
        curves: From `curves.trace_curves`.
        fits: From `calibration.describe_fits`.
        calibration: From `calibration.measure_calibration`.
        products: From `calibration.count_products`.
        decisions: From `thresholds.decide_test`.
        paths: From `paths.trace_regularisation`.
        importance: From `importance.permute_features`.
        slices: From `slices.measure_slices`.
        lags: From `lags.select_lags`; without rows where it was not measured.
        who_left: From `current.rank_who_left`; without rows where there is no current frame.
        outside: From `current.count_outside`; the same.
        options: What was measured and how finely.
    """

    winner: Mapping[str, Any]
    leaderboard: Table
    metrics: Table
    comparisons: Table
    curves: Table
    fits: Table
    calibration: Table
    products: Table
    decisions: Table
    paths: Table
    importance: Table
    slices: Table
    lags: Table
    who_left: Table
    outside: Table
    options: ReportOptions

    @property
    def name(self) -> str:
        """The winner's name in the tables."""
        return str(self.winner["candidate"])

    @property
    def label(self) -> str:
        """The winner's name for readers."""
        return entry_label(self.name)

    @property
    def features(self) -> str:
        """What the winner is given, in words."""
        return describe_features(self.importance["feature"])

    @property
    def entries(self) -> list[str]:
        """Every entry's name, the best on the folds first."""
        return [str(name) for name in self.leaderboard["candidate"]]

    @property
    def baselines(self) -> list[str]:
        """Entries that learn nothing or nearly nothing, the best on the folds first."""
        table = self.leaderboard[self.leaderboard["kind"] == "baseline"]
        return [str(name) for name in table["candidate"]]

    def metric(self, entry: str, metric: str, segment: str = "all") -> dict[str, Any]:
        """Value, low, high and sizes of one metric on test."""
        return _only(self.metrics, {"entry": entry, "metric": metric, "segment": segment})

    def difference(self, entry: str, metric: str = HEADLINE) -> dict[str, Any]:
        """Winner minus an entry on all rows, the ends of the paired interval and the verdict."""
        return _only(self.comparisons, {"entry": entry, "metric": metric, "segment": "all"})

    def calibrated(self, entry: str) -> dict[str, Any]:
        """What `measure_calibration` says of an entry on all rows."""
        return _only(self.calibration, {"entry": entry, "dimension": "all"})

    @property
    def parts(self) -> Table:
        """What it says of repeat and explore rows and of product types, most purchases first."""
        kept = self.calibration[self.calibration["dimension"] != "all"]
        return kept.sort_values(["dimension", "purchases"], ascending=False, kind="stable")

    def interval(self, low: float, high: float, write: Callable[[float, float], str] = span) -> str:
        """Write an interval with its confidence, or say that there is none."""
        if not (defined(low) and defined(high)):
            return "no interval could be measured"
        return f"{percent(self.options.confidence)} interval {write(low, high)}"


def _only(table: Table, key: Mapping[str, str]) -> dict[Any, Any]:
    """The row that a key tells from all others."""
    [row] = table[(table[[*key]] == pd.Series(key)).all(axis="columns")].to_dict("records")
    return row


def write_findings(options: ReportOptions, **tables: Any) -> dict[str, Any]:
    """Write what worked, what did not and by how much as plain data.

    Args:
        options: What was measured and how finely.
        **tables: The other fields of `Evidence`.

    Returns:
        `winner`, `summary` (one paragraph) and `findings` (dicts of topic, verdict, text).
    """
    evidence = Evidence(options=options, **tables)
    return {"winner": evidence.name, "summary": summarise(evidence), "findings": derive(evidence)}


def derive(evidence: Evidence) -> list[dict[str, str]]:
    """Every finding as plain data.

    Args:
        evidence: The tables to read.

    Returns:
        Dicts with topic, verdict (worked, failed, noise or note) and text.
    """
    steps = (
        _against_others,
        _unmeasured,
        _probabilities,
        _within_product,
        _reach,
        _folds_and_test,
        _calibration,
        _regularisation,
        _importance,
        _who_left,
    )
    return [asdict(finding) for step in steps for finding in step(evidence)]


def summarise(evidence: Evidence) -> str:
    """Up to five sentences for whoever sends the notifications: who wins and what it means."""
    steps = (_summary_of_reach, _summary_of_baseline, _summary_of_rivals, _summary_of_carts)
    return " ".join([sentence for step in steps for sentence in step(evidence)])


def _summary_of_reach(evidence: Evidence) -> Iterator[str]:
    yield f"{evidence.label} won."
    reach = evidence.metric(evidence.name, GAIN)
    share = evidence.options.notified_share
    if not defined(reach["value"]):
        yield "How many buyers it reaches could not be measured on the test window."
        return
    yield (
        f"Pick a product and, given that the users order, notify the {percent(share)} of them "
        f"whom it finds most likely to buy it: you reach {percent(reach['value'])} of the "
        f"product's buyers ({evidence.interval(reach['low'], reach['high'], percent_span)}), where "
        f"the same number of messages sent at random would reach {percent(share)}."
    )


def _summary_of_baseline(evidence: Evidence) -> Iterator[str]:
    """How the best baseline does at the same share; the constant says nothing."""
    for entry in [b for b in evidence.baselines if b != "constant"][:1]:
        reached, row = evidence.metric(entry, GAIN)["value"], evidence.difference(entry)
        if defined(reached):
            label, doubt = entry_label(entry), ""
            if _measured(row) and row["verdict"] != "better":
                ranks = "as well, within noise" if row["verdict"] == "noise" else "better"
                doubt = f" and ranks {ranks}: a model has not shown here that it is worth having"
            yield f"The best rule without a model ({label}) reaches {percent(reached)}{doubt}."


def _summary_of_rivals(evidence: Evidence) -> Iterator[str]:
    """What matters most of how far the winner is from the other models."""
    yield from islice(_distances(evidence), 1)


def _distances(evidence: Evidence) -> Iterator[str]:
    known = {entry: _measured(evidence.difference(entry)) for entry in _rivals(evidence)}
    unknown = [entry_label(e) for e, measured in known.items() if not measured]
    rivals = [e for e, measured in known.items() if measured]
    close = [e for e in rivals if evidence.difference(e)["verdict"] == "noise"]
    ahead = [e for e in rivals if evidence.difference(e)["verdict"] == "worse"]
    if ahead:
        names = listing([entry_label(e) for e in ahead])
        yield f"On the test window {names} did better: the choice deserves a second look."
    if close:
        names = listing([entry_label(e) for e in close])
        sizes = evidence.metric(evidence.name, HEADLINE)
        bought = plural(int(sizes["purchases"]), "purchase")
        yield f"On the test window's {bought}, {names} cannot be told apart from it."
    if unknown:
        yield f"How far it is from {listing(unknown)} could not be measured on the test window."
    yield from _summary_of_close_reach(evidence)


def _summary_of_close_reach(evidence: Evidence) -> Iterator[str]:
    """Say so where rivals that rank worse overall reach as many buyers."""
    level = [
        entry
        for entry in _rivals(evidence)
        if evidence.difference(entry)["verdict"] == "better"
        and _measured(evidence.difference(entry, GAIN))
        and evidence.difference(entry, GAIN)["verdict"] == "noise"
    ]
    if level:
        ahead = [_ahead(evidence, entry) for entry in level]
        share = percent(evidence.options.notified_share)
        yield (
            f"At {share} {listing([entry_label(e) for e in level])} "
            f"{'reaches' if len(level) == 1 else 'reach'} as many, within noise; the product AP of "
            f"{evidence.label} is higher by {listing(ahead)}."
        )


def _ahead(evidence: Evidence, entry: str) -> str:
    row = evidence.difference(entry)
    size, sure = number(row["difference"]), evidence.interval(row["low"], row["high"])
    return f"{size} ({sure}) than that of {entry_label(entry)}"


def _measured(comparison: Mapping[str, Any]) -> bool:
    """Whether a difference and both ends of its interval are numbers."""
    return all(defined(comparison[name]) for name in ("difference", "low", "high"))


def _summary_of_carts(evidence: Evidence) -> Iterator[str]:
    """Warn where the figures rest on what is known late."""
    lost = _share_lost(evidence)
    if lost.get(CART, 0.0) > WEIGHTY_SHARE:
        yield (
            f"Much of this rests on carts that users left before they ordered (shuffling {CART} "
            f"takes {percent(lost[CART])} of the product AP); a notification goes out before the "
            f"user comes back, when fewer carts are known, {_what_to_expect(evidence)}."
        )


def _what_to_expect(evidence: Evidence) -> str:
    """What is left at the longest lag that was measured, beyond that of the feature frame."""
    rows = evidence.lags[(evidence.lags["entry"] == evidence.name) & evidence.lags["kept"].notna()]
    tested = rows.loc[rows["as_tested"].astype(bool), "lag_hours"]
    earlier = rows[rows["lag_hours"] > tested.min()]
    if earlier.empty:
        return "so expect less in practice"
    latest = earlier.sort_values("lag_hours").iloc[-1]
    when = hours_before(latest["lag_hours"])
    return f"so expect less: with features as of {when}, {percent(latest['kept'])} of it is left"


def _share_lost(evidence: Evidence) -> dict[str, float]:
    """Which share of the winner's headline metric goes when a feature is shuffled."""
    whole = evidence.metric(evidence.name, HEADLINE)["value"]
    table = evidence.importance
    return {
        str(feature): float(drop / whole)
        for feature, drop in zip(table["feature"], table[HEADLINE], strict=True)
    }


def _rivals(evidence: Evidence) -> list[str]:
    return [entry for entry in _others(evidence) if entry not in evidence.baselines]


def _others(evidence: Evidence) -> list[str]:
    return [entry for entry in evidence.entries if entry != evidence.name]


def _against_others(evidence: Evidence) -> Iterator[Finding]:
    for entry in _others(evidence):
        row = evidence.difference(entry)
        other = entry_label(entry)
        if not _measured(row):
            continue
        size = number(abs(row["difference"]))
        sure = f"{evidence.interval(row['low'], row['high'])}, paired bootstrap by user"
        texts: dict[str, tuple[Verdict, str]] = {
            "better": ("worked", f"{evidence.label} beats {other} by {size} product AP on test"),
            "worse": (
                "failed",
                f"{evidence.label} loses to {other} by {size} product AP on test, so the choice "
                "made on the folds did not hold",
            ),
            "noise": (
                "noise",
                f"{evidence.label} and {other} cannot be told apart on test: a difference of "
                f"{number(row['difference'])} product AP is within noise",
            ),
        }
        verdict, text = texts[row["verdict"]]
        yield Finding("Models against each other", verdict, f"{text} ({sure}).")


def _unmeasured(evidence: Evidence) -> Iterator[Finding]:
    """Entries that the winner could not be compared to."""
    others = _others(evidence)
    unknown = [entry_label(e) for e in others if not _measured(evidence.difference(e))]
    if unknown:
        text = (
            f"How {evidence.label} differs in product AP on test from {listing(unknown)} could not "
            "be measured: the window holds too few purchases."
        )
        yield Finding("Models against each other", "note", text)


def _probabilities(evidence: Evidence) -> Iterator[Finding]:
    """Where other entries' probabilities are closer to what happened."""
    rows = {entry: evidence.difference(entry, LOG_LOSS) for entry in _others(evidence)}
    lower = [_lower_loss(evidence, e, row) for e, row in rows.items() if row["verdict"] == "worse"]
    if not lower:
        return
    own = metric_number(LOG_LOSS, evidence.metric(evidence.name, LOG_LOSS)["value"])
    text = (
        f"The log loss of {evidence.label} on test, {own}, is higher than that of "
        f"{listing(lower)}; paired bootstrap by user. It is still the winner because the winner "
        "is chosen on the folds by product AP, as stated in advance."
    )
    yield Finding("Probabilities", "failed", text)


def _lower_loss(evidence: Evidence, entry: str, row: Mapping[str, Any]) -> str:
    value = metric_number(LOG_LOSS, evidence.metric(entry, LOG_LOSS)["value"])
    difference = metric_number(LOG_LOSS, row["difference"])
    sure = evidence.interval(row["low"], row["high"], partial(span, decimals=DECIMALS[LOG_LOSS]))
    return f"{entry_label(entry)} ({value}: a difference of {difference}, {sure})"


def _within_product(evidence: Evidence) -> Iterator[Finding]:
    for entry in [b for b in evidence.baselines if b != "constant"]:
        auc = evidence.metric(entry, "product_roc_auc")
        pooled = evidence.metric(entry, "roc_auc")["value"]
        if not (defined(auc["value"]) and defined(auc["low"]) and defined(auc["high"])):
            continue
        verdict, how = _against_chance(auc)
        text = (
            f"{entry_label(entry)} ranks {how} than chance within a product (ROC AUC "
            f"{number(auc['value'])}, {evidence.interval(auc['low'], auc['high'])}); pooled over "
            f"all products it shows {number(pooled)}."
        )
        yield Finding("Ranking within a product", verdict, text)


def _against_chance(auc: Mapping[str, float]) -> tuple[Verdict, str]:
    if auc["high"] < 0.5:
        return "failed", "worse"
    if auc["low"] > 0.5:
        return "worked", "better"
    return "noise", "no better"


def _reach(evidence: Evidence) -> Iterator[Finding]:
    """Whom the winner reaches more buyers than, whom fewer, and where it cannot be told."""
    outcomes: dict[str, tuple[Verdict, str]] = {
        "better": ("worked", "more of its buyers than"),
        "worse": ("failed", "fewer of its buyers than"),
        "noise": ("noise", "as many of its buyers, within noise, as"),
    }
    rows = {e: evidence.difference(e, GAIN) for e in _others(evidence) if e != "constant"}
    for judged, (verdict, outcome) in outcomes.items():
        rivals = [
            entry_label(entry)
            for entry, row in rows.items()
            if _measured(row) and row["verdict"] == judged
        ]
        if rivals:
            text = (
                f"With {percent(evidence.options.notified_share)} of a product's users notified, "
                f"{evidence.label} reaches {outcome} {listing(rivals)}."
            )
            yield Finding("Buyers reached", verdict, text)


def _folds_and_test(evidence: Evidence) -> Iterator[Finding]:
    row = _only(evidence.leaderboard, {"candidate": evidence.name})
    test = evidence.metric(evidence.name, HEADLINE)
    folds, error = float(row[HEADLINE]), float(row[f"{HEADLINE}_standard_error"])
    if not all(defined(value) for value in (folds, test["value"], test["low"], test["high"])):
        return
    inside = test["low"] <= folds <= test["high"]
    text = (
        f"{evidence.label} scored {number(folds)} product AP on the folds (standard error "
        f"{number(error)}) and {number(test['value'])} on test "
        f"({evidence.interval(test['low'], test['high'])}): "
        + ("what the folds promised held." if inside else "test differs from the folds.")
    )
    failed: Verdict = "failed" if folds > test["high"] else "note"
    yield Finding("Folds and test", "worked" if inside else failed, text)
    yield from _lead(evidence, "runner_up", "")
    yield from _lead(evidence, "baseline", ", the baseline to beat")


def _lead(evidence: Evidence, role: str, called: str) -> Iterator[Finding]:
    """How sure the choice was on the folds themselves."""
    other = evidence.winner.get(role)
    if not other or not defined(other["standard_error"]):
        return
    ahead, error = float(other["difference"]), float(other["standard_error"])
    paths = evidence.paths[evidence.paths["candidate"] == evidence.name]
    folds = int(paths["folds"].max()) if len(paths) else 0
    sure = _certain(evidence, abs(ahead), error, folds)
    text = (
        f"On the folds {evidence.label} was {number(abs(ahead))} product AP "
        f"{'ahead of' if ahead >= 0 else 'behind'} {entry_label(str(other['candidate']))}{called} "
        f"({_over_folds(evidence, abs(ahead), error, folds)}){'' if sure else ': within noise'}."
    )
    settled: Verdict = "worked" if ahead >= 0 else "failed"
    yield Finding("Folds and test", settled if sure else "noise", text)


def _calibration(evidence: Evidence) -> Iterator[Finding]:
    row = evidence.calibrated(evidence.name)
    if not row["purchases"] > 0:
        return
    sure = evidence.interval(row["ratio_low"], row["ratio_high"], hundred_span)
    error = evidence.metric(evidence.name, "expected_calibration_error")["value"]
    text = (
        f"Of 100 purchases that {evidence.label} expected on test {of_hundred(row['ratio'])} were "
        f"made ({sure}): {count(row['expected'])} expected, {count(row['purchases'])} made; "
        f"expected calibration error {number(error, 4)}."
    )
    yield Finding("Calibration", "worked" if _near(row["ratio"]) else "failed", text)
    yield from _spread(evidence, row)
    yield from _parts_off(evidence)
    yield from _products_off(evidence)


def _near(value: float) -> bool:
    return abs(value - 1) <= FAR_OFF


def _spread(evidence: Evidence, row: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether high probabilities are too high and low ones too low, or the other way round."""
    slope, low, high = (row[name] for name in ("slope", "slope_low", "slope_high"))
    if not defined(slope):
        return
    fine = _near(slope) or low <= 1 <= high
    if fine:
        told = "about as far apart as they should be"
    elif slope < 1:
        told = "too far apart: high ones are too high and low ones too low"
    else:
        told = "too close together: high ones are too low and low ones too high"
    text = (
        f"The probabilities of {evidence.label} are {told} (calibration slope {number(slope)}, "
        f"{evidence.interval(low, high)}; 1 is right)."
    )
    yield Finding("Calibration", "worked" if fine else "failed", text)


def _parts_off(evidence: Evidence) -> Iterator[Finding]:
    """Parts of test in which clearly more or fewer purchases were made than expected."""
    parts = evidence.parts.dropna(subset=["ratio_low", "ratio_high"])
    off = parts[(parts["ratio_low"] > 1) | (parts["ratio_high"] < 1)]
    if off.empty:
        return
    furthest = off.assign(off=(off["ratio"] - 1).abs()).sort_values("off", ascending=False).head(3)
    told = [
        f"{row['slice']} ({of_hundred(row['ratio'])} of 100 expected, "
        f"{evidence.interval(row['ratio_low'], row['ratio_high'], hundred_span)})"
        for row in furthest.to_dict("records")
    ]
    chance = number(len(parts) * (1 - evidence.options.confidence), 0)
    text = (
        f"In {len(off)} of {plural(len(parts), 'part')} of test (repeat, explore, product types) "
        "clearly more or fewer purchases were made than expected, where chance alone gives about "
        f"{chance}. Furthest off: {listing(told)}."
    )
    yield Finding("Calibration", "note", text)


def _products_off(evidence: Evidence) -> Iterator[Finding]:
    """How many products were bought more or less often than chance explains."""
    table, by_chance = evidence.products, 1 - evidence.options.confidence
    off = table[table["surprising"]]
    text = (
        f"{count(len(off))} of {plural(len(table), 'product')} ({percent(len(off) / len(table))}) "
        "were bought more or less often than expected by more than chance explains; about "
        f"{percent(by_chance)} would be if every probability were right"
    )
    furthest = [
        f"product {row['product']} ({number(row['expected'], 1)} expected, "
        f"{plural(int(row['purchases']), 'purchase')})"
        for row in off.head(1).to_dict("records")
    ]
    text += "".join(f". Furthest off: {one}" for one in furthest)
    fine = len(off) <= 2 * by_chance * len(table)
    yield Finding("Calibration", "worked" if fine else "failed", f"{text}.")


def _regularisation(evidence: Evidence) -> Iterator[Finding]:
    crossed = evidence.paths["crossed"]
    for _, part in evidence.paths[~crossed].groupby("candidate", sort=False):
        yield from _drawn_settings(evidence, part.drop_duplicates("trial"))
    on_path = evidence.paths[crossed & evidence.paths["on_path"]]
    for _, path in on_path.groupby(["candidate", "parameter"], sort=False):
        yield from _swept_parameter(evidence, path)


def _swept_parameter(evidence: Evidence, path: pd.DataFrame) -> Iterator[Finding]:
    """How far a parameter's best setting is from its worst."""
    for worst, best, matters, behind in _extremes(evidence, path):
        text = (
            f"{entry_label(str(best['candidate']))}, {best['parameter']}: the best trial has "
            f"{best['setting']} and product AP {number(best['mean'])} on the folds; the best with "
            f"{worst['setting']} is {behind}, "
            f"{'so it matters' if matters else 'which is within noise'}."
        )
        edge = _edge(path, best) if matters else ""
        settled: Verdict = "note" if edge else "worked"
        yield Finding(SWEPT, settled if matters else "noise", text + edge)


def _drawn_settings(evidence: Evidence, trials: pd.DataFrame) -> Iterator[Finding]:
    """How far the best is from the worst of settings that differ in several parameters at once."""
    for _, best, matters, behind in _extremes(evidence, trials):
        text = (
            f"{entry_label(str(best['candidate']))}: of "
            f"{plural(int(trials['mean'].count()), 'setting')} that were measured on all folds the "
            f"best has product AP {number(best['mean'])}; the worst is {behind}, "
            f"{'so they matter' if matters else 'which is within noise'}. They differ in several "
            "parameters at once, so none can be judged alone."
        )
        yield Finding(SWEPT, "worked" if matters else "noise", text)


def _extremes(
    evidence: Evidence, trials: pd.DataFrame
) -> Iterator[tuple["pd.Series[Any]", "pd.Series[Any]", bool, str]]:
    """The worst trial, the best, and how sure their distance is; nothing of fewer than two."""
    measured = trials[trials["mean"].notna()].sort_values("mean")
    if len(measured) > 1:
        worst, best = measured.iloc[0], measured.iloc[-1]
        behind, error = float(worst["behind"]), float(worst["behind_standard_error"])
        folds = int(worst["folds"])
        told = f"{number(behind)} behind ({_over_folds(evidence, behind, error, folds)})"
        yield worst, best, _certain(evidence, behind, error, folds), told


def _certain(evidence: Evidence, difference: float, error: float, folds: int) -> bool:
    """Whether a mean difference over folds is told from 0 by Student's t, few folds minded."""
    return difference > _half_width(evidence, error, folds)


def _half_width(evidence: Evidence, error: float, folds: int) -> float:
    """Half the interval of a mean over folds, by Student's t; NaN for a single fold."""
    return error * float(t.ppf((1 + evidence.options.confidence) / 2, folds - 1))


def _over_folds(evidence: Evidence, difference: float, error: float, folds: int) -> str:
    """How sure a difference that is paired by fold is, in words."""
    half = _half_width(evidence, error, folds)
    if not defined(half):
        return "one fold alone, so it cannot be told how sure that is"
    ends = evidence.interval(difference - half, difference + half)
    return f"{ends} by Student's t over {folds} folds"


def _edge(path: pd.DataFrame, best: pd.Series) -> str:
    """Warn where a sweep over several numbers stopped at its best one."""
    at_edge = best["value"] in (path["value"].min(), path["value"].max())
    if len(path) < 3 or not at_edge:
        return ""
    return " The best value is at the edge of the sweep: a wider one may do better."


def _importance(evidence: Evidence) -> Iterator[Finding]:
    yield from _weighty(evidence)
    table = evidence.importance
    idle = int((table[HEADLINE] <= 2 * table[f"{HEADLINE}_deviation"]).sum())
    if idle:
        text = (
            f"Shuffling any one of {idle} of the {plural(len(table), 'feature')} costs less "
            "product AP than twice its standard deviation: alone they do not show, though columns "
            "that say the same cover for each other."
        )
        yield Finding("Features", "noise", text)


def _weighty(evidence: Evidence) -> Iterator[Finding]:
    for feature, lost in _share_lost(evidence).items():
        if lost > WEIGHTY_SHARE:
            text = (
                f"{evidence.label} stands or falls with {feature}: shuffling it alone takes "
                f"{percent(lost)} of the product AP."
            )
            yield Finding("Features", "failed" if feature == CART else "note", text)


def _who_left(evidence: Evidence) -> Iterator[Finding]:
    """Whether users who left crowd the list of the users of today."""
    for row in evidence.who_left.to_dict("records"):
        if row["entry"] != evidence.name:
            continue
        crowded = row["left_of_top"] > row["left"]
        text = (
            f"{percent(row['left'], 1)} of today's pairs of user and product were last bought over "
            f"{plural(int(row['longest']), 'day')} ago, longer than anybody in training; of each "
            f"product's likeliest {percent(TOP_SHARE)} they are {percent(row['left_of_top'], 1)}"
            f"{', more than their share: those who left crowd the list' if crowded else ''}."
        )
        yield Finding("Users of today", "failed" if crowded else "worked", text)


def metric_sentence(evidence: Evidence) -> str:
    """What the headline metric counted on test."""
    sizes = evidence.metric(evidence.name, HEADLINE)
    return (
        f"{sentence_start(metric_label(HEADLINE))} counts the "
        f"{plural(int(sizes['products']), 'product')} with at least 5 purchases on test; they hold "
        f"{percent(sizes['purchases_covered'])} of its {count(sizes['purchases'])} purchases."
    )

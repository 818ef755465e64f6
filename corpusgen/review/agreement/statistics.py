"""Coefficients of agreement, and their intervals by resampling records.

Each coefficient has two forms. The point estimate comes from a kept library where there is one: Krippendorff's alpha
from ``krippendorff``, weighted kappa from scikit-learn, Wilson's interval from SciPy. The form that ends in ``_of``
computes the same figure for a thousand resamples at once, from what each record contributes; a test holds the two
equal. Gwet's coefficient has one form, our own: the only Python package with it pins versions of NumPy's family that
nothing else here can use. It is tested against the values that Gwet published.

``counts`` is always an array of shape (records, values): how many people gave a record that value. ``draws`` is of
shape (resamples, records): how often a resample holds a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = [
    "Figure",
    "Proportion",
    "alpha",
    "alpha_of",
    "figure",
    "gwet",
    "gwet_of",
    "kappa",
    "kappa_of",
    "mean_of",
    "observed",
    "resample",
    "weights",
    "wilson",
]

FEWEST_RECORDS = 10
"""A bootstrap over fewer records promises more than it knows; the figure then stands without an interval."""

MOST_UNDEFINED = 0.05
"""With a larger share of resamples in which a figure is undefined, the rest would say too much."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval.

    Attributes:
        value: The figure, or null where it is undefined.
        low: Lower end of the interval, or null where there is none.
        high: Upper end.
        reason: Why something is null, in words; otherwise empty.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Proportion:
    """A share of right answers, with Wilson's 95 % interval; share and interval are null where nothing was answered."""

    right: int
    total: int
    share: float | None
    low: float | None
    high: float | None


def weights(values: int, level: Literal["nominal", "ordinal"]) -> Floats:
    """Returns how far two answers agree, shape (values, values), 1 on the diagonal.

    Nominal: 0 for any difference. Ordinal: quadratic, 1 - (i - j)^2 / (values - 1)^2 (Fleiss & Cohen, 1973).
    """
    import numpy as np

    if level == "nominal":
        return np.eye(values)
    steps = np.arange(values)
    quadratic: Floats = 1 - (steps[:, None] - steps[None, :]) ** 2 / (values - 1) ** 2
    return quadratic


def observed(counts: Counts, agreement: Floats) -> Floats:
    """Returns the observed agreement within each record: the mean weight over its pairs of readers, shape (records,).

    A record that fewer than two people read gives nan.
    """
    import numpy as np

    readers = counts.sum(axis=1)
    pairs = (counts * (counts @ agreement - 1)).sum(axis=1)
    possible = (readers * (readers - 1)).astype(np.float64)
    within: Floats = np.divide(pairs, possible, out=np.full(len(counts), np.nan), where=possible > 0)
    return within


def alpha(counts: Counts, level: Literal["nominal", "ordinal"]) -> float:
    """Returns Krippendorff's alpha (Krippendorff, 2011); nan where fewer than two values were given."""
    import krippendorff

    paired = counts[counts.sum(axis=1) >= 2]
    if (paired.sum(axis=0) > 0).sum() < 2:
        return float("nan")
    return float(krippendorff.alpha(value_counts=paired, level_of_measurement=level))


def alpha_of(draws: Floats, counts: Counts, level: Literal["nominal", "ordinal"]) -> Floats:
    """Returns Krippendorff's alpha for each resample, shape (resamples,).

    The matrix of coincidences is a sum over records, so that a resample's is a weighted sum of theirs. The ordinal
    difference of two values is the squared difference of their mid-ranks (Krippendorff, 2011).
    """
    import numpy as np

    readers = counts.sum(axis=1)
    share = np.divide(1.0, readers - 1, out=np.zeros(len(counts)), where=readers >= 2)
    pairs = counts[:, :, None] * counts[:, None, :] - np.einsum("rv,vw->rvw", counts, np.eye(counts.shape[1]))
    together = np.tensordot(draws, pairs * share[:, None, None], axes=1)
    totals = together.sum(axis=2)
    if level == "nominal":
        apart = np.broadcast_to(1 - np.eye(counts.shape[1]), together.shape)
    else:
        ranks = totals.cumsum(axis=1) - totals / 2
        apart = (ranks[:, :, None] - ranks[:, None, :]) ** 2
    found = (together * apart).sum(axis=(1, 2))
    expected = (totals[:, :, None] * totals[:, None, :] * apart).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        values: Floats = np.where(expected > 0, 1 - (totals.sum(axis=1) - 1) * found / expected, np.nan)
    return values


def gwet(counts: Counts, agreement: Floats) -> float:
    """Returns Gwet's coefficient: AC1 with identity weights (Gwet, 2008), AC2 with others (Gwet, 2014).

    (p_a - p_e) / (1 - p_e), where p_a is the mean observed agreement of records with two readers or more, and
    p_e = T / (q (q - 1)) * sum of pi_k (1 - pi_k): T is the sum of all weights, q the number of values that could be
    given, and pi_k the mean over records of the share of a record's readers who gave value k. All values that the
    page offers count, given or not, as Gwet advises. It is defined even where all answers are the same.
    """
    import numpy as np

    return float(gwet_of(np.ones((1, len(counts))), counts, agreement)[0])


def gwet_of(draws: Floats, counts: Counts, agreement: Floats) -> Floats:
    """Returns Gwet's coefficient for each resample, shape (resamples,); nan where no record was read twice."""
    import numpy as np

    readers = counts.sum(axis=1)
    values = counts.shape[1]
    shares = np.divide(counts, readers[:, None], out=np.zeros(counts.shape), where=readers[:, None] > 0)
    present = (draws * (readers > 0)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        prevalence = draws @ shares / present[:, None]
        chance = agreement.sum() / (values * (values - 1)) * (prevalence * (1 - prevalence)).sum(axis=1)
        coefficient: Floats = (mean_of(draws, observed(counts, agreement)) - chance) / (1 - chance)
    return coefficient


def kappa(pairs: Counts, values: int) -> float:
    """Returns quadratic-weighted kappa (Cohen, 1968) of pairs of answers, shape (records, 2), given as indices.

    nan where both columns hold one and the same value throughout.
    """
    from sklearn.metrics import cohen_kappa_score

    if len(set(pairs.ravel().tolist())) < 2:
        return float("nan")
    return float(cohen_kappa_score(pairs[:, 0], pairs[:, 1], labels=list(range(values)), weights="quadratic"))


def kappa_of(draws: Floats, pairs: Counts, values: int) -> Floats:
    """Returns quadratic-weighted kappa for each resample, shape (resamples,)."""
    import numpy as np

    chosen = np.eye(values)
    first, second = chosen[pairs[:, 0]], chosen[pairs[:, 1]]
    apart = 1 - weights(values, "ordinal")
    found = draws @ apart[pairs[:, 0], pairs[:, 1]] * draws.sum(axis=1)
    expected = ((draws @ first) @ apart * (draws @ second)).sum(axis=1)
    ratio: Floats = np.divide(found, expected, out=np.full(len(draws), np.nan), where=expected > 1e-12)
    return 1 - ratio


def mean_of(draws: Floats, values: Floats) -> Floats:
    """Returns the mean over records for each resample, shape (resamples,); records whose figure is nan are left out."""
    import numpy as np

    there = ~np.isnan(values)
    counted = draws @ there.astype(np.float64)
    totals = draws @ np.where(there, values, 0)
    means: Floats = np.divide(totals, counted, out=np.full(len(draws), np.nan), where=counted > 0)
    return means


def resample(records: int, resamples: int, seed: tuple[int, ...]) -> Floats:
    """Returns how often each resample holds each record, shape (resamples, records): drawn with replacement."""
    import numpy as np

    if not records:
        return np.zeros((resamples, 0))
    generator = np.random.default_rng(seed)
    drawn: Floats = generator.multinomial(records, np.full(records, 1 / records), size=resamples).astype(np.float64)
    return drawn


def figure(point: float, resampled: Floats, records: int, undefined: str = "") -> Figure:
    """Returns a figure with its percentile interval (Efron & Tibshirani, 1993), or the reason why one is missing.

    Args:
        point: The point estimate; nan where it is undefined.
        resampled: The same figure for each resample.
        records: How many records it rests on.
        undefined: Why it is undefined, should it be.
    """
    import numpy as np

    if not records:
        return Figure(None, reason="no record")
    if np.isnan(point):
        return Figure(None, reason=undefined or "all answers are the same, so that there is nothing to compare")
    defined = resampled[~np.isnan(resampled)]
    if records < FEWEST_RECORDS:
        return Figure(_rounded(point), reason=f"no interval: it would rest on fewer than {FEWEST_RECORDS} records")
    if len(defined) < (1 - MOST_UNDEFINED) * len(resampled) or not len(defined):
        return Figure(_rounded(point), reason="no interval: nearly all answers are the same")
    low, high = (float(end) for end in np.quantile(defined, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)))
    if defined.max() - defined.min() < 1e-9:
        return Figure(_rounded(point), reason="no interval: every resample gives the same figure")
    return Figure(_rounded(point), _rounded(low), _rounded(high))


def wilson(right: int, total: int) -> Proportion:
    """Returns a share with its 95 % score interval (Wilson, 1927)."""
    from scipy.stats import binomtest

    if not total:
        return Proportion(0, 0, None, None, None)
    ends = binomtest(right, total).proportion_ci(CONFIDENCE, method="wilson")
    return Proportion(right, total, _rounded(right / total), _rounded(float(ends.low)), _rounded(float(ends.high)))


def _rounded(value: float) -> float:
    return round(float(value), 6)

"""Statistics of paired verdicts: pure functions, each naming where it comes from.

A *difference* is one task's score under the one run minus its score under the other, the mean
over the seeds where there are several. The task is the unit everywhere: seeds of one task are not
independent, so they are never counted as more tasks. What is asked is whether a result would hold
on other tasks like these; how far a run moves when it is merely repeated is `spread`'s to say.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy import special, stats

from reporting.comparing.comparison import Interval, Word

ALPHA, POWER, LEVEL = 0.05, 0.80, 0.95
RESAMPLES = 10_000
MAX_GRID = 2_000_000
"""Points of the exact sign-flip distribution; beyond, signs are drawn at random."""


def wilson(share: float, n: float, level: float = LEVEL) -> Interval:
    """Score interval of a proportion (Wilson 1927, JASA 22:209); `n` need not be whole."""
    if n <= 0:
        return Interval(0.0, 1.0)
    z2 = float(special.ndtri((1 + level) / 2)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At 0 and 1 the end is exact; rounding would leave it beside.
    low = 0.0 if share == 0 else middle - half
    return Interval(low, 1.0 if share == 1 else middle + half)


def wilson_clustered(means: Sequence[float], seeds: int) -> Interval:
    """Wilson's interval with the effective sample size in place of tasks times seeds.

    `means` are the tasks' shares of passed seeds. Effective size: p(1-p) over the variance of the
    mean as the tasks show it (Kott and Carr 1997, J. Official Statistics 13:95), held between the
    number of tasks and the number of runs. With one seed this is Wilson's interval.
    """
    n = len(means)
    if n == 0:
        return Interval(0.0, 1.0)
    share = float(np.mean(means))
    variance = float(np.var(means, ddof=1)) / n if n > 1 else 0.0
    size = share * (1 - share) / variance if variance > 0 else n
    return wilson(share, min(max(size, n), n * seeds))


def mcnemar_exact(gained: int, lost: int) -> float:
    """Two-sided p of the exact conditional test (McNemar 1947, Psychometrika 12:153)."""
    if gained + lost == 0:
        return 1.0
    return float(stats.binomtest(gained, gained + lost, 0.5).pvalue)


def newcombe_paired(both: int, lost: int, gained: int, neither: int) -> Interval:
    """Interval of the paired difference (gained - lost) / n for one run a side.

    Square-and-add with the phi correction: method 10 of Newcombe 1998, Stat. Med. 17:2635. Stays
    honest where the bootstrap cannot be: with no or few discordant tasks.
    """
    n = both + lost + gained + neither
    if n == 0:
        return Interval(-1.0, 1.0)
    first, second = (both + lost) / n, (both + gained) / n
    one, two = wilson(first, n), wilson(second, n)
    margins = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    product = float(both * neither - lost * gained)
    if product > 0:
        product = max(product - n / 2, 0)
    phi = product / math.sqrt(margins) if margins else 0.0
    below = _square_add(second - two.low, one.high - first, phi)
    above = _square_add(two.high - second, first - one.low, phi)
    return Interval(second - first - below, second - first + above)


def _square_add(one: float, two: float, phi: float) -> float:
    return math.sqrt(max(one * one - 2 * phi * one * two + two * two, 0.0))


def bootstrap_mean(
    values: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Bootstrap interval of the mean, tasks drawn with replacement (Efron 1979, Ann. Stat. 7:1).

    Percentiles, set as far out as n asks for: plain ones are too narrow for few tasks (the
    expanded percentile interval of Hesterberg 2015, Am. Stat. 69:371). Resampling n tasks is
    drawing how often each distinct value occurs, which is what is done.
    """
    if not values:
        return Interval(math.nan, math.nan)
    distinct, counts = np.unique(np.asarray(values, dtype=float), return_counts=True)
    n = int(counts.sum())
    if n == 1:
        return Interval(-1.0, 1.0)
    quantile = special.stdtrit(n - 1, (1 - LEVEL) / 2) * math.sqrt(n / (n - 1))
    tail = float(special.ndtr(quantile))
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=resamples)
    low, high = np.quantile(drawn @ distinct / n, [tail, 1 - tail])
    return Interval(float(low), float(high))


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p of the paired permutation test: under the null each task's sides may be swapped.

    Fisher 1935, The Design of Experiments, section 21. Exact, by adding up the distribution of the
    sum task by task; with one seed a side it is McNemar's exact test. Where the differences have
    no manageable common denominator, 99,999 random sign patterns are drawn instead.
    """
    exact = {value: Fraction(value).limit_denominator(10_000) for value in {*differences}}
    # Not `if value`: two means of the same scores may differ by the rounding of their sums.
    parts = [part for value in differences if (part := exact[value])]
    if not parts:
        return 1.0
    scale = math.lcm(*(part.denominator for part in parts))
    steps = [abs(int(part * scale)) for part in parts]
    if sum(steps) > MAX_GRID:
        return _sign_flip_drawn(differences)
    unit = math.gcd(*steps)
    steps = [step // unit for step in steps]
    total = sum(steps)
    # One swap moves the sum by 2 x step: chance[k] is that of flipping steps which add up to k.
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for step in steps:
        chance[step:] = 0.5 * (chance[step:] + chance[: total + 1 - step])
        chance[:step] *= 0.5
    seen = abs(sum(int(part * scale) for part in parts)) // unit
    sums = np.abs(total - 2 * np.arange(total + 1))
    return min(1.0, float(chance[sums >= seen].sum()))


def _sign_flip_drawn(differences: Sequence[float]) -> float:
    result = stats.permutation_test(
        (np.asarray(differences, dtype=float),),
        np.mean,
        permutation_type="samples",
        n_resamples=99_999,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def cochran_q(passed: Sequence[Sequence[bool]]) -> float:
    """p that seeds of one run differ by no more than chance within the tasks (Cochran 1950,
    Biometrika 37:256; chi-square approximation). `passed` holds one list a seed, tasks alike.

    A small p says that whole runs shift, which no test over tasks allows for.
    """
    table = np.asarray(passed, dtype=float)
    seeds = table.shape[0]
    within = float((table.sum(axis=0) * (seeds - table.sum(axis=0))).sum())
    if seeds < 2 or not within:
        return 1.0
    totals = table.sum(axis=1)
    q = seeds * (seeds - 1) * float(((totals - totals.mean()) ** 2).sum()) / within
    return float(stats.chi2.sf(q, seeds - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given (Holm 1979, Scand. J. Stat. 6:65)."""
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def decide(difference: float, adjusted_p: float, interval: Interval) -> Word:
    """Better or worse only where the test and the interval both say so."""
    if not (adjusted_p < ALPHA and interval.excludes_zero):
        return "undecided"
    return "better" if difference > 0 else "worse"


def mcnemar_power(n: int, discordant: float, difference: float, alpha: float = ALPHA) -> float:
    """Chance that the exact test rejects: `discordant` of n tasks change, gains minus losses are
    `difference` (both as shares). Exact: summed over how many tasks happen to change."""
    counts = np.arange(n + 1)
    # The largest number of losses (or gains) among `counts` changes that is still rejected.
    limit = stats.binom.ppf(alpha / 2, counts, 0.5)
    limit = np.where(stats.binom.cdf(limit, counts, 0.5) * 2 > alpha, limit - 1, limit)
    share = (discordant + difference) / (2 * discordant)
    rejected = stats.binom.cdf(limit, counts, share) + stats.binom.cdf(limit, counts, 1 - share)
    return float(stats.binom.pmf(counts, n, discordant) @ rejected)


def detectable_exact(n: int, discordant: float, *, alpha: float = ALPHA) -> float | None:
    """The smallest true difference that the exact test finds with POWER, at this share of
    changing tasks. None when even changes all in one direction would be missed more often."""
    if not n or not discordant or mcnemar_power(n, discordant, discordant, alpha) < POWER:
        return None
    low, high = 0.0, discordant
    while high - low > 1e-4:
        middle = (low + high) / 2
        found = mcnemar_power(n, discordant, middle, alpha) >= POWER
        low, high = (low, middle) if found else (middle, high)
    return high


def detectable_normal(differences: Sequence[float], *, alpha: float = ALPHA) -> float | None:
    """The same for several seeds, by the normal approximation from the spread of the tasks'
    differences: (z[1-alpha/2] + z[POWER]) sd / sqrt(n). None without any spread."""
    n = len(differences)
    sd = float(np.std(differences, ddof=1)) if n > 1 else 0.0
    if not sd:
        return None
    return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(POWER)) * sd / math.sqrt(n)


def spread(scores: Sequence[float]) -> float | None:
    """Standard deviation (n - 1) over the seeds; None for one."""
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else None

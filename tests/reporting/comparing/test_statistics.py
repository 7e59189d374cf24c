"""Published worked examples, agreement between methods, and simulation with fixed seeds."""

import itertools
from statistics import fmean

import numpy as np
import pytest
from scipy import stats

from reporting.comparing import statistics as st
from reporting.comparing.comparison import Interval

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Fisher 1935, section 17: heights of crossed minus self-fertilised maize, eighths of an inch."""


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_intervals_of_newcombe_1998(
    passed: int, n: int, low: float, high: float
) -> None:
    found = st.wilson(passed / n, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_stays_within_0_and_1_and_is_wide_without_data() -> None:
    for n, passed in ((1, 0), (1, 1), (7, 7)):
        interval = st.wilson(passed / n, n)
        assert 0 <= interval.low < interval.high <= 1
    assert st.wilson(0, 0) == Interval(0, 1)


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    # Bentur 2009 and the approval ratings of Agresti 1990, as in Fagerland et al. 2013 and by
    # statsmodels; Wikipedia's "McNemar's test" (6 and 16); a sign test of Zar 1999 (8 and 2).
    [(7, 1, 0.0703), (86, 150, 3.716e-05), (6, 16, 0.0525), (8, 2, 0.109375), (0, 0, 1.0)],
)
def test_mcnemar_gives_published_p_values(gained: int, lost: int, p: float) -> None:
    assert st.mcnemar_exact(gained, lost) == pytest.approx(p, rel=1e-3)


def test_paired_interval_gives_newcombes_and_fagerlands_examples() -> None:
    first = st.newcombe_paired(both=36, lost=2, gained=12, neither=0)
    assert (first.low, first.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    second = st.newcombe_paired(both=1, lost=7, gained=1, neither=12)
    assert (second.low, second.high) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_sign_flip_gives_fishers_result_on_darwins_maize() -> None:
    assert sum(DARWIN) == 314
    assert st.sign_flip(DARWIN) == pytest.approx(2 * 863 / 2**15, rel=1e-12)


def test_sign_flip_equals_enumeration_and_scipy() -> None:
    values = [1 / 3, -2 / 3, 1.0, 0.5, 0.0, 1 / 9, -1 / 6, 2 / 3]
    seen = abs(sum(values))
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(values))
    ]
    exact = sum(total >= seen - 1e-9 for total in sums) / len(sums)
    assert st.sign_flip(values) == pytest.approx(exact, rel=1e-9)
    scipys = stats.permutation_test(
        (np.array(values),), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert st.sign_flip(values) == pytest.approx(scipys.pvalue, rel=1e-9)


def test_sign_flip_takes_means_that_rounding_sets_apart_for_equal() -> None:
    one, two = fmean([1, 1, 1 / 3]), fmean([1, 2 / 3, 2 / 3])
    assert one != two
    assert st.sign_flip([one - two, 0.0]) == 1.0
    assert st.sign_flip([one - two, 1.0, 0.5]) == st.sign_flip([0.0, 1.0, 0.5])


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (5, 0), (9, 3), (40, 22), (3, 3)])
def test_sign_flip_of_single_runs_is_mcnemars_test(gained: int, lost: int) -> None:
    values = [1.0] * gained + [-1.0] * lost + [0.0] * 30
    assert st.sign_flip(values) == pytest.approx(st.mcnemar_exact(gained, lost), rel=1e-9)


def test_sign_flip_draws_signs_where_no_grid_fits() -> None:
    values = [(-1) ** (number % 4 == 0) / (9901 + number) for number in range(24)]
    assert st.sign_flip(values) == pytest.approx(
        stats.permutation_test(
            (np.array(values),),
            np.mean,
            permutation_type="samples",
            n_resamples=4999,
            rng=np.random.default_rng(5),
        ).pvalue,
        abs=0.01,
    )


def test_holm_gives_a_worked_example_in_the_order_asked() -> None:
    # p = 0.01, 0.04, 0.03, 0.005: the steps are 4 x 0.005, 3 x 0.01, 2 x 0.03, then not below it.
    assert st.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert st.holm([]) == []
    assert st.holm([0.4]) == [0.4]


def test_a_verdict_takes_both_the_test_and_the_interval() -> None:
    clear, touching = Interval(0.02, 0.2), Interval(0.0, 0.2)
    assert st.decide(0.1, 0.01, clear) == "better"
    assert st.decide(-0.1, 0.01, Interval(-0.2, -0.02)) == "worse"
    assert st.decide(0.1, 0.01, touching) == "undecided"
    assert st.decide(0.1, 0.05, clear) == "undecided"


def test_detectable_difference_at_n_200_is_about_nine_points() -> None:
    found = st.detectable_exact(200, 0.2)
    assert found == pytest.approx(0.09, abs=0.005)
    approximate = st.detectable_normal([1.0] * 20 + [-1.0] * 20 + [0.0] * 160)
    assert approximate == pytest.approx(0.0888, abs=5e-4)
    assert st.detectable_exact(12, 0.1) is None
    assert st.detectable_exact(200, 0.0) is None
    assert st.detectable_normal([0.0] * 9) is None


def test_power_is_what_simulation_finds() -> None:
    rng = np.random.default_rng(11)
    drawn = rng.multinomial(200, [0.15, 0.05, 0.8], size=1500)
    rejected = np.mean([st.mcnemar_exact(int(g), int(lost)) < 0.05 for g, lost, _ in drawn])
    assert st.mcnemar_power(200, 0.2, 0.1) == pytest.approx(rejected, abs=0.03)


def test_cochrans_q_of_two_runs_is_mcnemars_chi_square() -> None:
    first = [True] * 150 + [False] * 86 + [True] * 40
    second = [False] * 150 + [True] * 86 + [True] * 40
    wanted = stats.chi2.sf((150 - 86) ** 2 / (150 + 86), 1)
    assert st.cochran_q([first, second]) == pytest.approx(wanted)
    assert st.cochran_q([first]) == st.cochran_q([first, first]) == 1.0


def test_cochrans_q_notices_runs_that_shift_as_wholes_and_rarely_others() -> None:
    rng = np.random.default_rng(60)
    found = {0.0: 0, 0.15: 0}
    for shift in found:
        for _ in range(250):
            hardness = rng.beta(0.4, 0.6, size=200)
            seeds = [rng.binomial(1, np.clip(hardness + s, 0, 1)) for s in (0, 0, shift)]
            found[shift] += st.cochran_q([list(map(bool, seed)) for seed in seeds]) < 0.05
    assert found[0.0] / 250 < 0.08
    assert found[0.15] / 250 > 0.6


def test_spread_needs_two_seeds() -> None:
    assert st.spread([0.5]) is None
    assert st.spread([27.0, 28.0, 29.0]) == pytest.approx(1.0)


def _tasks(rng: np.random.Generator, n: int, seeds: int, gain: float) -> tuple[list[float], float]:
    """Differences of one simulated comparison, and the true mean difference of such tasks.

    Tasks differ in how hard they are (shares of passes drawn from a U-shaped beta distribution),
    so that the seeds of a task are as much alike as in real runs.
    """
    hardness = rng.beta(0.4, 0.6, size=n)
    better = hardness + gain * (1 - hardness)
    one = rng.binomial(seeds, hardness) / seeds
    two = rng.binomial(seeds, better) / seeds
    return list(two - one), gain * 0.6


@pytest.mark.parametrize(
    ("n", "seeds", "gain"),
    [(200, 1, 0.0), (200, 1, 0.2), (200, 3, 0.0), (200, 3, 0.2), (40, 3, 0.2)],
)
def test_the_bootstrap_interval_covers_the_truth(n: int, seeds: int, gain: float) -> None:
    rng = np.random.default_rng(100 * n + seeds)
    inside = 0
    for number in range(900):
        values, truth = _tasks(rng, n, seeds, gain)
        interval = st.bootstrap_mean(values, seed=number, resamples=1000)
        inside += interval.low <= truth <= interval.high
    assert 0.93 <= inside / 900 <= 0.97


def test_the_bootstrap_interval_of_few_tasks_is_as_wide_as_students() -> None:
    values = [-1.0, -0.6, -0.3, -0.1, 0.1, 0.3, 0.6, 1.0]
    interval = st.bootstrap_mean(values, resamples=200_000)
    low, high = stats.t.interval(0.95, len(values) - 1, 0.0, stats.sem(values))
    assert interval.high - interval.low == pytest.approx(high - low, rel=0.04)


def test_even_tasks_that_hardly_differ_tell_no_more_than_all_runs_would() -> None:
    means = [0.5] * 9 + [1.0]
    assert st.wilson_clustered(means, 2) == st.wilson(0.55, 20)


@pytest.mark.parametrize("seeds", [1, 3])
def test_wilson_covers_the_truth_over_tasks_of_unlike_hardness(seeds: int) -> None:
    rng = np.random.default_rng(30 + seeds)
    inside = 0
    for _ in range(800):
        means = rng.binomial(seeds, rng.beta(0.4, 0.6, size=200)) / seeds
        interval = st.wilson_clustered(list(means), seeds)
        inside += interval.low <= 0.4 <= interval.high
    assert 0.93 <= inside / 800 <= 0.97


@pytest.mark.parametrize("seeds", [1, 3])
def test_at_the_null_better_is_rarely_said(seeds: int) -> None:
    """Two like runs of 200 tasks; seeds counted as tasks would say so far too often."""
    rng = np.random.default_rng(40 + seeds)
    words = []
    for number in range(600):
        values, _ = _tasks(rng, 200, seeds, 0.0)
        interval = st.bootstrap_mean(values, seed=number, resamples=500)
        words.append(st.decide(sum(values), st.sign_flip(values), interval))
    assert words.count("better") / 600 < 0.05
    assert 1 - words.count("undecided") / 600 < 0.06


def test_unlike_numbers_of_seeds_keep_the_error_rate() -> None:
    """The sign-flip test is only approximate there: three runs against one."""
    rng = np.random.default_rng(70)
    rejected = 0
    for _ in range(600):
        hardness = rng.beta(0.4, 0.6, size=200)
        values = rng.binomial(1, hardness) - rng.binomial(3, hardness) / 3
        rejected += st.sign_flip(list(values)) < 0.05
    assert rejected / 600 < 0.065


def test_the_bootstrap_says_nothing_from_one_task_or_none() -> None:
    assert st.bootstrap_mean([1.0]) == Interval(-1.0, 1.0)
    assert np.isnan(st.bootstrap_mean([]).low)


def test_several_pairs_at_the_null_still_rarely_say_better() -> None:
    rng = np.random.default_rng(50)
    any_better = 0
    for _ in range(300):
        pairs = [_tasks(rng, 100, 1, 0.0)[0] for _ in range(4)]
        adjusted = st.holm([st.sign_flip(values) for values in pairs])
        intervals = [st.bootstrap_mean(values, resamples=500) for values in pairs]
        any_better += "better" in map(st.decide, map(sum, pairs), adjusted, intervals)
    assert any_better / 300 < 0.05


def test_wilson_clustered_with_one_seed_is_wilson() -> None:
    means = [1.0] * 81 + [0.0] * 182
    one, plain = st.wilson_clustered(means, 1), st.wilson(81 / 263, 263)
    assert (one.low, one.high) == pytest.approx((plain.low, plain.high))

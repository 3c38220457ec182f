"""From counts by confidence to a probability and its lower bound."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression

from market.bars import Floats
from market.compiled import kernel
from market.conversion import Indices

MOST_STEPS = 100
RIDGE = 1e-12


class Curve(NamedTuple):
    """probability, lower_bound: (K,) by bin of confidence."""

    probability: Floats
    lower_bound: Floats


def wilson_lower(p: Floats, n: Floats, z: float) -> Floats:
    """One-sided lower bound of a probability of which n trials showed the part p.

    Wilson 1927, JASA 22: the smaller root of (p − π)² = z²·π(1−π)/n; z is the normal quantile of
    the confidence. Rounding leads neither below zero nor above p. n need not be whole.
    """
    square = z * z / n
    middle = p + 0.5 * square
    reach = z * np.sqrt(p * (1.0 - p) / n + 0.25 * square / n)
    bound: Floats = np.clip((middle - reach) / (1.0 + square), 0.0, p)
    return bound


@kernel
def pooled(count: Floats, least: float) -> Indices:
    """(K,) which pool each bin belongs to: neighbours together until they hold `least` outcomes.

    From the lowest bin on; what is left over at the top joins the last pool that is full. So bins
    nobody reached speak with their neighbours' voice.
    """
    pool = np.zeros(count.size, dtype=np.int64)
    current, held, remaining = 0, 0.0, count.sum()
    for place in range(count.size):
        pool[place] = current
        held += count[place]
        remaining -= count[place]
        if held >= least and held > 0.0 and remaining >= least and remaining > 0.0:
            current += 1
            held = 0.0
    return pool


def isotonic_curve(count: Floats, wins: Floats, effect: float, least: float, z: float) -> Curve:
    """The rising step function nearest to the rates of wins, in least squares by their counts.

    Isotonic regression (Barlow et al. 1972; Zadrozny and Elkan 2002 for calibration) over bins
    (K,), pooled until `least` effective outcomes are together. effect: outcomes that count as one
    independent. The bound is Wilson's on the effective count of each level. Taken over all
    decisions it is too high as often as it may be; at the highest level, chosen for its wins, up
    to three times as often when confidence tells nothing.
    """
    pool = pooled(count, least * effect)
    trials, successes = np.bincount(pool, count), np.bincount(pool, wins)
    fitted = isotonic_regression(successes / trials, weights=trials)
    level = np.repeat(np.arange(len(fitted.weights)), np.diff(fitted.blocks))
    p: Floats = np.clip(fitted.x, 0.0, 1.0)
    bound = wilson_lower(p, np.asarray(fitted.weights)[level] / effect, z)
    return Curve(p[pool], bound[pool])


@kernel
def _logistic_loss(x: Floats, n: Floats, target: Floats, slope: float, shift: float) -> float:
    total = 0.0
    for k in range(x.size):
        value = slope * x[k] + shift
        total += n[k] * (max(value, 0.0) + math.log1p(math.exp(-abs(value))) - target[k] * value)
    return total


@kernel
def logistic_fit(
    x: Floats, n: Floats, target: Floats, sloped: bool
) -> tuple[float, float, float, float, float]:
    """Slope a and shift b of p = 1/(1 + exp(−(a·x + b))) for rates `target`, n outcomes at each x.

    Newton's method with step halving (Lin, Lin and Weng 2007, Machine Learning 68). Also the
    covariance of the two: of a, of both, of b. sloped: False holds the slope at zero.
    """
    wins = (n * target).sum()
    slope, shift = 0.0, math.log(wins / (n.sum() - wins))
    loss = _logistic_loss(x, n, target, slope, shift)
    aa, ab, bb, determinant = 0.0, 0.0, 0.0, 1.0
    for _ in range(MOST_STEPS):
        aa, ab, bb, ga, gb = RIDGE, 0.0, RIDGE, 0.0, 0.0
        for k in range(x.size):
            p = 1.0 / (1.0 + math.exp(-(slope * x[k] + shift)))
            weight = n[k] * p * (1.0 - p)
            if sloped:
                aa += weight * x[k] * x[k]
                ab += weight * x[k]
                ga += n[k] * (p - target[k]) * x[k]
            bb += weight
            gb += n[k] * (p - target[k])
        determinant = aa * bb - ab * ab
        da, db = -(bb * ga - ab * gb) / determinant, -(aa * gb - ab * ga) / determinant
        step, gain = 1.0, ga * da + gb * db
        if -gain <= 1e-14 * (1.0 + loss):
            break
        while step > 1e-10:
            tried = _logistic_loss(x, n, target, slope + step * da, shift + step * db)
            if tried < loss + 1e-4 * step * gain:
                slope, shift, loss = slope + step * da, shift + step * db, tried
                break
            step *= 0.5
        if step <= 1e-10:
            break
    if not sloped:
        return slope, shift, 0.0, 0.0, 1.0 / bb
    return slope, shift, bb / determinant, -ab / determinant, aa / determinant


def platt_curve(count: Floats, wins: Floats, confidence: Floats, effect: float, z: float) -> Curve:
    """A logistic curve over confidence, by bins (K,) at the mean confidence of each.

    confidence: sum of confidences in each bin. Targets are Platt's (1999, section 2.2): a win is
    (N₊+1)/(N₊+2), any other outcome 1/(N₋+2). The bound is Wald's on the log-odds, with `effect`
    times the variance of independent outcomes; it holds where the curve is logistic. Beyond
    the confidences seen, both stay level.
    """
    seen = count > 0.0
    n, won, x = count[seen], wins[seen], confidence[seen] / count[seen]
    total, total_won = n.sum(), won.sum()
    high, low = (total_won + 1.0) / (total_won + 2.0), 1.0 / (total - total_won + 2.0)
    target = (won * high + (n - won) * low) / n
    slope, shift, aa, ab, bb = logistic_fit(x, n, target, len(x) > 1)
    places = np.clip((np.arange(len(count)) + 0.5) / len(count), x[0], x[-1])
    places[seen] = x
    odds = slope * places + shift
    error = np.sqrt(effect * (aa * places * places + 2.0 * ab * places + bb))
    return Curve(1.0 / (1.0 + np.exp(-odds)), 1.0 / (1.0 + np.exp(z * error - odds)))

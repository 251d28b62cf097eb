"""Prices, greeks and implied volatilities of European options, on arrays. Pure; `feeds.simulated` makes quotes with it,
and ingest fills in what a feed does not send.

Black-76 (F. Black, "The pricing of commodity contracts", 1976) on a forward and a discount factor. With `carry` equal
to `rate` it is Black-Scholes on the spot, with `carry` = `rate` - yield Merton's form of it.
"""

import contextlib
import importlib
import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_pyvolr: Any = None
with contextlib.suppress(ImportError):  # on a platform without its wheel: the same answers, four times slower
    _pyvolr = importlib.import_module("pyvolr.black76")

Array = NDArray[np.float64]

DAYS_PER_YEAR: Final = 365
MS_PER_YEAR: Final = 86_400_000 * DAYS_PER_YEAR

# Total volatilities (volatility × √years) between which the fallback looks. Above the upper one an option's price is
# its upper bound to the last digit.
_LEAST, _MOST = 1e-8, 16.0

# The normal distribution at steps of 1/64, from which its Taylor series reaches everything between: numpy has no erf,
# and `math.erfc` one by one costs twenty times as much.
_STEPS: Final = 64
_REACH: Final = 38  # beyond it the smaller tail is no longer a normal double
_NODES: Final = np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS
_CDF: Final = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in _NODES])
_PDF: Final = np.exp(-_NODES * _NODES / 2) / math.sqrt(2 * math.pi)
# Derivatives of the density over the density are Hermite polynomials; here already divided by the factorials.
_SERIES: Final = (
    _PDF,
    _PDF * -_NODES / 2,
    _PDF * (_NODES**2 - 1) / 6,
    _PDF * (3 * _NODES - _NODES**3) / 24,
    _PDF * (_NODES**4 - 6 * _NODES**2 + 3) / 120,
    _PDF * (10 * _NODES**3 - _NODES**5 - 15 * _NODES) / 720,
)


class Greeks(NamedTuple):
    """Sensitivities of one unit of the underlying, arrays of one shape.

    `delta`: of the undiscounted price to the forward, ±N(±d1): what Deribit and Cboe publish.
    `spot_delta`: of the price to the spot. `gamma`: the second derivative to the spot.
    `theta`: per calendar day, the spot standing still. `vega`: per point (0.01) of volatility.
    `rho`: per point (0.01) of the rate, the forward moving with it.
    """

    delta: Array
    spot_delta: Array
    gamma: Array
    theta: Array
    vega: Array
    rho: Array


def years_between(from_ms: ArrayLike, to_ms: ArrayLike) -> Array:
    """Years of 365 days between two times in ms, as the greeks here and those of Deribit count them."""
    return (np.asarray(to_ms, dtype=np.float64) - np.asarray(from_ms, dtype=np.float64)) / MS_PER_YEAR


def normal_cdf(x: ArrayLike) -> Array:
    """The standard normal distribution function, right to about 1e-15. NaN for NaN."""
    values = np.asarray(x, dtype=np.float64)
    clipped = np.clip(values, -_REACH, _REACH)
    with np.errstate(invalid="ignore"):
        node = np.rint(clipped * _STEPS)
        step = clipped - node / _STEPS
        index = np.where(np.isnan(node), 0, node).astype(np.intp) + _REACH * _STEPS
    total = np.zeros_like(step)
    for coefficient in reversed(_SERIES):
        total = (total + coefficient[index]) * step
    return _CDF[index] + total


def normal_pdf(x: ArrayLike) -> Array:
    """The standard normal density."""
    values = np.asarray(x, dtype=np.float64)
    with np.errstate(under="ignore", over="ignore"):
        return np.asarray(np.exp(-values * values / 2) / math.sqrt(2 * math.pi))


def price(
    call: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Array:
    """Value today of European options; all arguments broadcast, `call` is true for calls and false for puts.

    `discount` is the value today of one unit at expiry. At `years` or `volatility` 0 it is the discounted intrinsic
    value. NaN where a price, strike or discount is not above 0, or a time or volatility is below it.
    """
    sign, f, k, t, sigma, d = _arrays(call, forward, strike, years, volatility, discount)
    with np.errstate(all="ignore"):
        possible = (f > 0) & (k > 0) & (t >= 0) & (sigma >= 0) & (d > 0) & np.isfinite(f + k + t + sigma + d)
        total = np.maximum(sigma * np.sqrt(t), 1e-300)
        value = d * _undiscounted(sign, f, k, total)
    return np.where(possible, value, np.nan)


def greeks(
    call: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike = 0.0,
    carry: ArrayLike = 0.0,
) -> Greeks:
    """Greeks of European options; all arguments broadcast.

    `rate` discounts, `carry` is what the forward grows by over the spot, both continuous and per year. NaN where a
    price or strike, `years` or `volatility` is not above 0.

    Formulas: derivatives of D·(±F·N(±d1) ∓ K·N(±d2)) with D = exp(-rate·years) and F = spot·exp(carry·years); see
    J. Hull, "Options, Futures, and Other Derivatives", chapters on the Greek letters and on futures options.
    """
    sign, f, k, t, sigma, r = _arrays(call, forward, strike, years, volatility, rate)
    b = np.asarray(carry, dtype=np.float64)
    with np.errstate(all="ignore"):
        possible = (f > 0) & (k > 0) & (t > 0) & (sigma > 0) & np.isfinite(f + k + t + sigma + r + b)
        root = np.sqrt(np.where(possible, t, np.nan))
        total = sigma * root
        d1 = np.log(f / k) / total + total / 2
        density = normal_pdf(d1)
        reached = normal_cdf(sign * d1)
        exercised = normal_cdf(sign * (d1 - total))
        discount = np.exp(-r * t)
        growth = np.exp(b * t)
        delta = sign * reached
        value = discount * (f * delta - k * sign * exercised)
        decay = discount * f * density * sigma / (2 * root)
        return Greeks(
            delta=delta,
            spot_delta=discount * growth * delta,
            gamma=discount * growth * growth * density / (f * total),
            theta=(r * value - b * discount * f * delta - decay) / DAYS_PER_YEAR,
            vega=discount * f * density * root / 100,
            rho=sign * t * k * discount * exercised / 100,
        )


def implied_volatility(
    call: ArrayLike,
    option_price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Array:
    """The volatility, a fraction per year, at which `price` gives `option_price`; all arguments broadcast.

    NaN where there is none: at or below the intrinsic value, at or above the forward (call) or strike (put), no time
    left, or any number that is impossible. Never warns and never raises on numbers.
    """
    sign, f, k, t, p, d = _arrays(call, forward, strike, years, option_price, discount)
    with np.errstate(all="ignore"):
        value = p / d
        intrinsic = np.maximum(sign * (f - k), 0.0)
        possible = (
            (f > 0)
            & (k > 0)
            & (t > 0)
            & (d > 0)
            & (value - intrinsic > 4e-16 * np.maximum(f, k))  # the rest is the noise of a double
            & (value < np.where(sign > 0, f, k))
            & np.isfinite(f + k + t + d)
        )
        solved = np.full(np.broadcast_shapes(value.shape, possible.shape), np.nan)
        if not possible.any():
            return solved
        sign, f, k, t, value = (
            (a if a.shape == solved.shape else np.broadcast_to(a, solved.shape))[possible]
            for a in (sign, f, k, t, value)
        )
        if _pyvolr is not None:
            found = _pyvolr.implied_vol(value, sign.astype(np.int8), f, k, t, 0.0, on_error="ignore")
        else:
            found = _solved(sign, value, f, k) / np.sqrt(t)
        solved[possible] = np.where(np.isfinite(found) & (found > 0), found, np.nan)
    return solved


def _arrays(call: ArrayLike, *values: ArrayLike) -> tuple[Any, ...]:
    """+1 for calls and -1 for puts, then the values, as float arrays."""
    sign = np.where(np.asarray(call, dtype=bool), 1.0, -1.0)
    return sign, *(np.asarray(value, dtype=np.float64) for value in values)


def _undiscounted(sign: Array, f: Array, k: Array, total: Array) -> Array:
    """Black's formula for a total volatility. The out-of-the-money side is priced, and parity adds the rest: the
    difference of two large numbers would leave noise where an in-the-money option has a thin time value."""
    d1 = np.log(f / k) / total + total / 2
    side = np.where(f > k, -1.0, 1.0)
    thin = np.maximum(side * (f * normal_cdf(side * d1) - k * normal_cdf(side * (d1 - total))), 0.0)
    return np.maximum(sign * (f - k), 0.0) + thin


def _solved(sign: Array, value: Array, f: Array, k: Array) -> Array:
    """Total volatilities by Newton's method on the logarithm of the out-of-the-money price, kept inside a bracket that
    bisection shrinks where a step would leave it. Flat arrays; every element has a solution, or is given NaN."""
    x = np.log(f / k)
    side = np.where(f > k, -1.0, 1.0)
    target = np.log(value - np.maximum(sign * (f - k), 0.0))
    low, high = np.full_like(x, _LEAST), np.full_like(x, _MOST)
    # Where vega is largest (Manaster and Koehler 1982), or near the money what the price itself suggests.
    guess = np.clip(np.maximum(np.sqrt(2 * np.abs(x)), np.exp(target) / (0.4 * np.sqrt(f * k))), 1e-4, 4.0)
    for _ in range(80):
        d1 = x / guess + guess / 2
        thin = side * (f * normal_cdf(side * d1) - k * normal_cdf(side * (d1 - guess)))
        miss = np.log(np.maximum(thin, 1e-320)) - target
        low, high = np.where(miss < 0, guess, low), np.where(miss < 0, high, guess)
        step = miss * thin / (f * normal_pdf(d1))
        closer = guess - step
        inside = np.isfinite(closer) & (closer > low) & (closer < high)
        following = np.where(inside, closer, (low + high) / 2)
        done = np.abs(following - guess) <= 1e-14 * guess
        guess = following
        if done.all():
            break
    return np.where(high >= _MOST, np.nan, guess)

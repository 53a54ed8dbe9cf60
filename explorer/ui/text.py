"""Numbers in words, as the screen says them."""

from __future__ import annotations

import math

from explorer.figures.theme import probability, significant

__all__ = [
    "cell",
    "duration",
    "factor",
    "number",
    "points",
    "precise_probability",
    "probability",
    "short_probability",
    "sure",
]


def duration(seconds: float) -> str:
    """A time as a reader would say it: 12 s, 3 min 20 s, 1 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def sure(share: float) -> str:
    """How sure a network is: 97.3% sure."""
    return f"{probability(share)} sure"


def short_probability(share: float) -> str:
    """A softmax's share where there is little room: 97%."""
    if share >= 0.995:
        return "> 99%"
    return "< 1%" if share <= 0.005 else f"{share:.0%}"


def precise_probability(share: float) -> str:
    """A softmax's share to calculate with, told from 0 and from 1: 0.0335%, 99.97%."""
    if share <= 0.999:
        return f"{significant(100 * share)}%" if share > 0 else probability(share)
    if share > 0.999999:
        return "> 99.9999%"
    decimals = -math.floor(math.log10(100 * (1 - share)))
    return f"{share:.{decimals}%}"


def points(share: float) -> str:
    """A difference of two shares in points of percent, with its sign: +0.42, −1.30."""
    return f"{100 * share:+.2f}".replace("-", "−")


def cell(text: str) -> str:
    """Text of somebody's in a CSV: a spreadsheet would run it as a formula otherwise."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, without zeros at its end where it is exactly so short: 0.9, 1, 0.5000
    for what was rounded to that."""
    text = significant(float(value), digits)
    if float(f"{value:.{digits - 1}e}") != value or "." not in text:
        return text
    mantissa, times, power = text.partition(" × ")
    return mantissa.rstrip("0").rstrip(".") + times + power


def factor(value: float, digits: int = 4) -> str:
    """The same where it follows a sign of arithmetic: a negative number stands in brackets."""
    text = number(value, digits)
    return f"({text})" if value < 0 else text

"""Numbers in words, as the screen says them."""

from __future__ import annotations

from explorer.figures.theme import significant


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


def probability(share: float) -> str:
    """A softmax's share: 97.3%, and never 100% or 0%, which no softmax is exactly."""
    if share >= 0.9995:
        return "> 99.9%"
    return "< 0.1%" if share < 0.0005 else f"{share:.1%}"


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

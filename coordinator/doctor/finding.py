"""`Finding`: one line of the doctor's report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["pass", "warn", "fail"]
Check = Callable[[], Iterable["Finding"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, what was found, and where it is not well how to mend it.

    state: fail stops a replay; warn slows it, limits it, or matters to live trading only.
    """

    subject: str
    state: State
    found: str
    mend: str = ""


def passed(subject: str, found: str, mend: str = "") -> Finding:
    """All well; mend then says how to get something that is optional."""
    return Finding(subject=subject, state="pass", found=found, mend=mend)


def warned(subject: str, found: str, mend: str) -> Finding:
    """It works, but."""
    return Finding(subject=subject, state="warn", found=found, mend=mend)


def failed(subject: str, found: str, mend: str) -> Finding:
    """A replay would not run."""
    return Finding(subject=subject, state="fail", found=found, mend=mend)


def findings_of(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """Every check's findings in order; a check that breaks is a failed finding of its subject."""
    findings: list[Finding] = []
    for subject, check in checks:
        try:
            findings += check()
        except Exception as error:  # whatever is wrong with a machine, the report goes on
            findings.append(
                failed(
                    subject,
                    f"could not be looked at: {type(error).__name__}: {error}",
                    "see what this message names; the other lines stand on their own",
                )
            )
    return findings

"""`python -m tests.golden update`: show what changed in the golden runs, then put it on record."""

from __future__ import annotations

import sys

from tests.golden.stories import STORIES
from tests.golden.telling import changes, keep, kept, told

USAGE = f"""usage: python -m tests.golden show|update [STORY …]

show    what changed against the record; exit code 1 where anything did
update  the same, and then puts it on record

stories: {", ".join(STORIES)}"""


def main(arguments: list[str]) -> int:
    """Show what changed, and write where told to."""
    command, *named = arguments or [""]
    unknown = [name for name in named if name not in STORIES]
    if command not in {"show", "update"} or unknown:
        print(f"unknown: {' '.join(unknown or [command])}\n\n{USAGE}", file=sys.stderr)
        return 2
    changed = 0
    for name in named or STORIES:
        golden = told(STORIES[name]())
        before = kept(name)
        differing = changes(before or {}, golden)
        changed += bool(differing)
        print(f"{name}: {'new' if before is None else 'changed' if differing else 'unchanged'}")
        for statistic, old, new in differing:
            print(f"  {statistic}: {old} → {new}")
        if command == "update" and differing:
            keep(name, golden)
    return int(command == "show" and changed > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

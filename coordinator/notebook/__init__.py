"""Everything a notebook needs, in one import.

from coordinator.notebook import COMMITTEE, compare, replay

run = replay(end="2005-12-31")
run.plot_equity()
"""

from coordinator.explain.explanation import Explanation
from coordinator.notebook.comparison import Comparison, compare
from coordinator.notebook.live import (
    SystemStatus,
    run_quick_demo,
    show_system_status,
    start_dynamic_trading,
)
from coordinator.notebook.run import Run
from coordinator.notebook.running import COMMITTEE, open_run, replay
from coordinator.notebook.sweep_result import SweepResult
from coordinator.notebook.sweeping import sweep

__all__ = [
    "COMMITTEE",
    "Comparison",
    "Explanation",
    "Run",
    "SweepResult",
    "SystemStatus",
    "compare",
    "open_run",
    "replay",
    "run_quick_demo",
    "show_system_status",
    "start_dynamic_trading",
    "sweep",
]

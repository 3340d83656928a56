"""The life of a run, outside any request: started by anyone, followed by anyone who has its id."""

from playground.runs.archive import export_run, import_run
from playground.runs.comparison_plan import ComparisonPlan, plan_comparison
from playground.runs.curves import Curve, read_curve
from playground.runs.difference import differences, settings_of
from playground.runs.group import Group, is_group
from playground.runs.history import Entry, Filter, History
from playground.runs.plan import Plan, plan, plan_learning_rate, plan_seeds
from playground.runs.registry import Runs
from playground.runs.run import Run
from playground.runs.search_plan import SearchPlan, plan_search
from playground.runs.spec import RunSpec
from playground.runs.store import RunStore

__all__ = [
    "ComparisonPlan",
    "Curve",
    "Entry",
    "Filter",
    "Group",
    "History",
    "Plan",
    "Run",
    "RunSpec",
    "RunStore",
    "Runs",
    "SearchPlan",
    "differences",
    "export_run",
    "import_run",
    "is_group",
    "plan",
    "plan_comparison",
    "plan_learning_rate",
    "plan_search",
    "plan_seeds",
    "read_curve",
    "settings_of",
]

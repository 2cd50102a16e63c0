"""Which tasks the button offers, which of them it does, and what it says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..canvas.plan import Task
from ..i18n import tr

MASKED = (Task.FILL, Task.ADD, Task.REMOVE, Task.BACKGROUND)
STRENGTH_COUNTS = (Task.REFINE, Task.CUSTOM)


@dataclass(frozen=True)
class Facts:
    """What the choice depends on. `masked`: something is selected, or the active layer's paint serves as the mask; `selected`:
    the former. `is_empty`: nothing is painted there. `strength`: 0 to 100."""

    selected: bool = False
    masked: bool = False
    is_empty: bool = False
    strength: int = 100


def possible(facts: Facts) -> tuple[Task, ...]:
    """The tasks that have something to work on, in the order of the menu."""
    return tuple(task for task in Task if _fits(task, facts))


def _fits(task: Task, facts: Facts) -> bool:
    if task in MASKED:
        return facts.masked and (task is Task.FILL or not facts.is_empty)
    return task is not Task.REFINE or not facts.is_empty


def usual(facts: Facts) -> Task:
    """What the canvas and the strength say: what is selected is filled so that it fits, what is there is refined."""
    if facts.masked:
        return Task.FILL if facts.is_empty or facts.strength >= 100 else Task.REFINE
    return Task.GENERATE if facts.is_empty or facts.strength >= 100 else Task.REFINE


def chosen(wanted: str, facts: Facts) -> Task:
    """What the button does: the task she chose ('': none) as long as it is possible, otherwise the usual one."""
    task = next((task for task in possible(facts) if task.value == wanted), None)
    return usual(facts) if task is None else task


def strength_counts(wanted: str, facts: Facts) -> bool:
    """Whether the strength changes what the button does."""
    if facts.is_empty:
        return False
    task = chosen(wanted, facts)
    return task in STRENGTH_COUNTS or wanted != task.value


def button_label(task: Task, facts: Facts) -> str:
    """What the button will do."""
    if not facts.selected:
        return task.label
    in_selection = {
        Task.GENERATE: tr("Generate in the selection"),
        Task.REFINE: tr("Refine the selection"),
        Task.FILL: tr("Fill the selection"),
        Task.ADD: tr("Add in the selection"),
        Task.REMOVE: tr("Remove the selection"),
        Task.BACKGROUND: tr("Replace the background"),
    }
    return in_selection.get(task, task.label)


def tip(task: Task) -> str:
    """What a task is for, in one sentence."""
    tips = {
        Task.GENERATE: tr("A new picture that owes nothing to what is there"),
        Task.REFINE: tr("Paints over what is there; the strength says how much may change"),
        Task.FILL: tr("Paints the selection anew, so that it fits what is around it"),
        Task.EXPAND: tr("Goes on over the edge of the canvas, or into its transparent parts"),
        Task.ADD: tr("Puts what the prompt says into the selection, whatever is there now"),
        Task.REMOVE: tr("Takes away what is selected and closes the gap"),
        Task.BACKGROUND: tr("Paints a new background where you have selected the old one"),
        Task.CUSTOM: tr("As the settings of the region say: what the model sees, and what it starts from"),
    }
    return tips[task]

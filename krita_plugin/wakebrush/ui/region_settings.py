"""The full view's settings of a region: what the model sees and paints, and where results go. Bound to the settings."""

from __future__ import annotations

from collections.abc import Callable

from ..canvas.base import Read, Where
from ..canvas.plan import Context, Fill, Task
from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget
from ..session.region_settings import RegionSettings


class RegionBox(QWidget):
    """One row for each setting; what counts for the custom task only is shown with that."""

    def __init__(self, settings: RegionSettings) -> None:
        super().__init__()
        self.setObjectName("region")
        self._settings = settings
        self._shown: dict[str, Callable[[], None]] = {}
        self._rows: dict[str, tuple[QWidget, QWidget]] = {}
        self._grid = QtWidgets.QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._add_edge()
        self._add_size()
        self._add_task_rows()
        self._add_reading()
        self._add_switches()
        for name in self._shown:
            self._show(name)
        self._show("task")
        settings.changed.connect(self._show)

    def show_in_group(self, in_group: bool) -> None:
        """Whether the active layer is in a group: otherwise there is none to read from."""
        index = self._reads.findData(Read.GROUP.value)
        self._reads.model().item(index).setEnabled(in_group)
        why = tr("The layer is in no group, so there is no group to read. Put it into one, or read everything.")
        self._reads.setItemData(index, "" if in_group else why, Qt.ItemDataRole.ToolTipRole)

    def _add_edge(self) -> None:
        percent, pixels = tr(" %"), tr(" px")
        self._row(
            tr("Feather"),
            self._number("feather", 0, 50, percent, tr("How soft the edge of the selection is, as a part of its shorter side")),
            self._number("feather_least", 0, 256, pixels, tr("The edge is so soft at least")),
        )
        self._row(tr("Grow"), self._number("grow", 0, 100, percent, tr("Widens the selection by a part of its shorter side")))
        self._row(
            tr("Padding"),
            self._number("padding", 0, 200, percent, tr("So much around the selection is shown to the model")),
            self._number("least_size", 0, 4096, pixels, tr("The model sees so many pixels a side at least")),
        )

    def _add_size(self) -> None:
        self._row(
            tr("Resolution"),
            self._number("multiplier", 25, 400, tr(" %"), tr("Pixels that are painted for each pixel of the document")),
            self._megapixels(),
        )

    def _add_task_rows(self) -> None:
        seen = {
            Context.AUTOMATIC.value: tr("the selection and what is around it"),
            Context.MASK.value: tr("the selection only"),
            Context.IMAGE.value: tr("the whole picture"),
            Context.LAYER.value: tr("the active layer"),
        }
        starts = {
            Fill.NONE.value: tr("what is there"),
            Fill.BLUR.value: tr("what is there, blurred"),
            Fill.BORDER.value: tr("the colours around it"),
            Fill.NEUTRAL.value: tr("grey"),
            Fill.REPLACE.value: tr("colours at random"),
            Fill.MODEL.value: tr("the engine's inpaint model"),
        }
        self._row(tr("Context"), self._choice("context", seen, tr("What the model sees")), name="context")
        self._row(
            tr("Starts from"), self._choice("fill", starts, tr("What is in the selection when the model begins")), name="fill"
        )

    def _add_reading(self) -> None:
        reads = {
            Read.VISIBLE.value: tr("everything visible"),
            Read.BELOW.value: tr("up to this layer"),
            Read.GROUP.value: tr("this group"),
        }
        places = {
            Where.ABOVE.value: tr("above what was read"),
            Where.TOP.value: tr("on top"),
            Where.REPLACE.value: tr("in place of that layer"),
        }
        self._reads = self._choice("read_from", reads, tr("What is taken from the document"))
        self._row(tr("Reads"), self._reads)
        self._row(tr("Results go"), self._choice("where", places, tr("Where a result becomes a layer")))

    def _add_switches(self) -> None:
        switches = (
            ("as_mask", tr("Edge as a layer mask"), tr("The result's soft edge can be painted on")),
            (
                "mask_from_layer",
                tr("Paint as the mask"),
                tr("Without a selection, the paint of the active layer says where to paint"),
            ),
            ("keep_transparency", tr("Keep transparency"), tr("What is transparent stays so")),
            ("match_colours", tr("Match colours"), tr("Takes back what the model shifts in colour")),
            ("split_islands", tr("Parts separately"), tr("Parts of a selection that lie apart get their own resolution")),
        )
        for name, text, sentence in switches:
            box = QtWidgets.QCheckBox(text)
            box.setObjectName(name)
            box.setToolTip(sentence)
            box.toggled.connect(lambda on, name=name: setattr(self._settings, name, on))
            self._shown[name] = lambda box=box, name=name: box.setChecked(getattr(self._settings, name))  # type: ignore[misc]
            self._grid.addWidget(box, self._grid.rowCount(), 0, 1, 2)

    def _row(self, text: str, *fields: QWidget, name: str = "") -> None:
        label, line = QtWidgets.QLabel(text), QWidget()
        row = QtWidgets.QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for field in fields:
            row.addWidget(field, 1)
        number = self._grid.rowCount()
        self._grid.addWidget(label, number, 0)
        self._grid.addWidget(line, number, 1)
        self._rows[name] = (label, line)

    def _number(self, name: str, least: int, most: int, unit: str, sentence: str) -> QtWidgets.QSpinBox:
        box = _spin_box(self._settings, name, (least, most), sentence)
        box.setSuffix(unit)
        self._shown[name] = lambda: box.setValue(getattr(self._settings, name))
        return box

    def _megapixels(self) -> QtWidgets.QDoubleSpinBox:
        box = QtWidgets.QDoubleSpinBox()
        box.setObjectName("megapixels")
        box.setRange(0.0, 64.0)
        box.setDecimals(1)
        box.setSingleStep(0.5)
        box.setSuffix(tr(" MP"))
        box.setSpecialValueText(tr("any size"))
        box.setToolTip(tr("The most pixels of one picture, in millions; 0 leaves it to the model"))
        box.setMinimumWidth(44)
        box.valueChanged.connect(lambda value: setattr(self._settings, "megapixels", round(value, 1)))
        self._shown["megapixels"] = lambda: box.setValue(self._settings.megapixels)
        return box

    def _choice(self, name: str, entries: dict[str, str], sentence: str) -> QtWidgets.QComboBox:
        box = QtWidgets.QComboBox()
        box.setObjectName(name)
        box.setToolTip(sentence)
        box.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(7)
        for value, text in entries.items():
            box.addItem(text, value)
        box.activated.connect(lambda index: setattr(self._settings, name, box.itemData(index)))
        self._shown[name] = lambda: box.setCurrentIndex(box.findData(getattr(self._settings, name)))
        return box

    def _show(self, name: str) -> None:
        if name == "task":
            task = self._settings.task
            for widget in (*self._rows["context"], *self._rows["fill"]):
                widget.setVisible(task == Task.CUSTOM.value)
        elif name in self._shown:
            self._shown[name]()


class MarginsRow(QWidget):
    """By how many pixels the canvas is to grow; there while the task is to expand it."""

    def __init__(self, settings: RegionSettings) -> None:
        super().__init__()
        self.setObjectName("margins")
        self._settings = settings
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._boxes = {}
        for name, arrow, sentence in (
            ("margin_left", "←", tr("So many pixels more on the left")),
            ("margin_top", "↑", tr("So many pixels more at the top")),
            ("margin_right", "→", tr("So many pixels more on the right")),
            ("margin_bottom", "↓", tr("So many pixels more at the bottom")),
        ):
            self._boxes[name] = _spin_box(settings, name, (0, 4096), sentence)
            self._boxes[name].setPrefix(arrow + " ")
            self._boxes[name].setSingleStep(64)
            row.addWidget(self._boxes[name], 1)
        settings.changed.connect(self._show)
        for name in (*self._boxes, "task"):
            self._show(name)

    def _show(self, name: str) -> None:
        if name == "task":
            self.setVisible(self._settings.task == Task.EXPAND.value)
        elif name in self._boxes:
            self._boxes[name].setValue(getattr(self._settings, name))


def _spin_box(settings: RegionSettings, name: str, limits: tuple[int, int], sentence: str) -> QtWidgets.QSpinBox:
    box = QtWidgets.QSpinBox()
    box.setObjectName(name)
    box.setRange(*limits)
    box.setToolTip(sentence)
    box.setAccessibleName(sentence)
    box.setMinimumWidth(44)
    box.valueChanged.connect(lambda value: setattr(settings, name, value))
    return box

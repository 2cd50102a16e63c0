"""The fields of a style: each may say nothing, and then it is as in the style that it begins with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..client.model import Lora
from ..i18n import tr
from ..qt import QtWidgets, QWidget


class Choice(QtWidgets.QComboBox):
    """One of several names; the first entry leaves it to the basis."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)

    def show_choice(self, options: Iterable[str], chosen: str, basis: str) -> None:
        """`basis`: what it is when nothing is chosen. A chosen one that there is not is named as missing."""
        known = list(options)
        self.clear()
        self.addItem(tr("as its basis: {value}", value=basis) if basis else tr("as its basis"), "")
        for option in known:
            self.addItem(option, option)
        if chosen and chosen not in known:
            self.addItem(tr("{name} (missing)", name=chosen) if known else chosen, chosen)
        self.setCurrentIndex(max(0, self.findData(chosen)))

    def chosen(self) -> str:
        return str(self.currentData() or "")


class Number(QtWidgets.QDoubleSpinBox):
    """A number; below its least it says nothing, and is as in the basis."""

    def __init__(self, name: str, least: float, most: float, step: float = 1, decimals: int = 0, unit: str = "") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setDecimals(decimals)
        self.setRange(least - step, most)
        self.setSingleStep(step)
        self.setSuffix(unit)

    def show_number(self, value: float | None, basis: float) -> None:
        said = f"{basis:g}{self.suffix()}"
        self.setSpecialValueText(tr("as its basis: {value}", value=said) if basis else tr("as its basis"))
        self.setValue(self.minimum() if value is None else value)

    def number(self) -> float | None:
        return None if self.value() <= self.minimum() else self.value()

    def whole(self, multiple: int = 1) -> int:
        """As a whole number, 0 for nothing."""
        value = self.number()
        return 0 if value is None else round(value / multiple) * multiple


class LoraList(QWidget):
    """LoRAs with their strengths, or those of the basis."""

    def __init__(self) -> None:
        super().__init__()
        self._known: Sequence[str] = ()
        self._own = QtWidgets.QCheckBox(tr("other LoRAs than its basis"))
        self._own.setObjectName("own_loras")
        self._table = QtWidgets.QTableWidget(0, 2)
        self._table.setObjectName("loras")
        self._table.setHorizontalHeaderLabels([tr("LoRA"), tr("Strength")])
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.horizontalHeader().setSectionResizeMode(1, QtWidgets.QHeaderView.ResizeMode.Fixed)
        self._table.setColumnWidth(1, 90)
        self._table.setFixedHeight(120)
        add, remove = QtWidgets.QPushButton(tr("Add a LoRA")), QtWidgets.QPushButton(tr("Remove"))
        for button, name in ((add, "add_lora"), (remove, "remove_lora")):
            button.setObjectName(name)
            button.setAutoDefault(False)
        add.clicked.connect(lambda: self._add(Lora(self._known[0] if self._known else "")))
        remove.clicked.connect(lambda: self._table.removeRow(self._table.currentRow()))
        self._own.toggled.connect(lambda on: [each.setEnabled(on) for each in (self._table, add, remove)])
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self._own, 0, 0, 1, 2)
        grid.addWidget(self._table, 1, 0, 1, 2)
        grid.addWidget(add, 2, 0)
        grid.addWidget(remove, 2, 1)
        self._own.setChecked(True)

    def show_loras(self, known: Sequence[str], own: Sequence[Lora] | None, basis: Sequence[Lora]) -> None:
        """`own`: None for those of the basis."""
        self._known = known
        self._table.setRowCount(0)
        for lora in basis if own is None else own:
            self._add(lora)
        self._own.setChecked(own is not None)

    def loras(self) -> tuple[Lora, ...] | None:
        if not self._own.isChecked():
            return None
        rows = range(self._table.rowCount())
        found = (Lora(self._name(row).currentText().strip(), round(self._strength(row).value(), 2)) for row in rows)
        return tuple(lora for lora in found if lora.name)

    def _add(self, lora: Lora) -> None:
        row = self._table.rowCount()
        self._table.insertRow(row)
        name = QtWidgets.QComboBox()
        name.setEditable(True)
        name.addItems(list(self._known))
        name.setEditText(lora.name)
        name.lineEdit().setCursorPosition(0)
        name.setMinimumContentsLength(8)
        strength = QtWidgets.QDoubleSpinBox()
        strength.setRange(-10, 10)
        strength.setSingleStep(0.1)
        strength.setValue(lora.strength)
        self._table.setCellWidget(row, 0, name)
        self._table.setCellWidget(row, 1, strength)

    def _name(self, row: int) -> QtWidgets.QComboBox:
        return self._table.cellWidget(row, 0)

    def _strength(self, row: int) -> QtWidgets.QDoubleSpinBox:
        return self._table.cellWidget(row, 1)

"""What one style is made of."""

from __future__ import annotations

from typing import Any

from ..client.catalogue import Models
from ..client.model import Style
from ..i18n import tr
from ..qt import QtWidgets, QWidget
from ..session.styles import OwnStyle, licence_words, own_name, shown
from .lines import Sentence
from .style_fields import Choice, LoraList, Number

#: Members of `overrides` that are one of several names, with their folder of models, '' for the samplers' lists.
_CHOICES = {"checkpoint": "checkpoints", "vae": "vae", "sampler": "", "scheduler": ""}


class StyleForm(QWidget):
    """Shows a style; one of hers can be changed here."""

    def __init__(self) -> None:
        super().__init__()
        self._name, self._basis = "", Style("", "")
        self._title, self._template, self._negative = (QtWidgets.QLineEdit() for _ in range(3))
        self._begins_with = Sentence("style_basis")
        self._choices = {member: Choice(f"style_{member}") for member in _CHOICES}
        self._loras = LoraList()
        self._numbers = {
            "steps": Number("style_steps", 1, 1000),
            "cfg": Number("style_cfg", 0, 100, 0.5, 1),
            "guidance": Number("style_guidance", 0, 100, 0.5, 1),
            "width": Number("style_width", 64, 8192, 64, unit=tr(" px")),
            "height": Number("style_height", 64, 8192, 64, unit=tr(" px")),
            "strength": Number("style_strength", 1, 100, unit=" %"),
        }
        self._language = QtWidgets.QComboBox()
        self._language.addItem(tr("English"), "en")
        self._language.addItem(tr("any language"), "")
        self._missing, self._licence = Sentence("style_missing"), Sentence("style_licence")
        for field, name in (
            (self._title, "style_title"),
            (self._template, "style_template"),
            (self._negative, "style_negative"),
            (self._language, "style_language"),
        ):
            field.setObjectName(name)
        self._template.setToolTip(tr("{prompt} stands for what you write; without it, this is added at the end"))
        self._arrange()

    def _arrange(self) -> None:
        form = QtWidgets.QFormLayout(self)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label, field in (
            (tr("Title"), self._title),
            (tr("Begins with"), self._begins_with),
            (tr("Checkpoint"), self._choices["checkpoint"]),
            (tr("VAE"), self._choices["vae"]),
            (tr("LoRAs"), self._loras),
            (tr("Sampler"), self._choices["sampler"]),
            (tr("Scheduler"), self._choices["scheduler"]),
            (tr("Steps"), self._numbers["steps"]),
            (tr("CFG"), self._numbers["cfg"]),
            (tr("Guidance"), self._numbers["guidance"]),
            (tr("Width"), self._numbers["width"]),
            (tr("Height"), self._numbers["height"]),
            (tr("Strength"), self._numbers["strength"]),
            (tr("Prompt"), self._template),
            (tr("Avoid"), self._negative),
            (tr("Reads"), self._language),
            (tr("Missing"), self._missing),
            (tr("Licence"), self._licence),
        ):
            form.addRow(label, field)

    def show_style(self, basis: Style, own: OwnStyle | None, models: Models) -> None:
        """A style of hers on its basis; or, without `own`, one of the service's."""
        self._basis, self._name = basis, own.name if own else basis.name
        self.setEnabled(own is not None)
        changes = own.changes if own else {}
        self._title.setText(own.title if own else basis.title)
        self._begins_with.setText(basis.title)
        known = {"sampler": models.samplers, "scheduler": models.schedulers}
        for member, folder in _CHOICES.items():
            options = models.of(folder) if folder else known[member]
            self._choices[member].show_choice(options, str(changes.get(member) or ""), str(getattr(basis, member)))
        self._loras.show_loras(models.of("loras"), own.loras if own else None, basis.loras)
        for member in ("steps", "cfg", "guidance"):
            self._numbers[member].show_number(changes.get(member), getattr(basis, member))
        self._numbers["width"].show_number((own.width if own else 0) or None, basis.width)
        self._numbers["height"].show_number((own.height if own else 0) or None, basis.height)
        strength = own.default_strength if own else None
        self._numbers["strength"].show_number(strength and strength * 100, round(basis.default_strength * 100))
        self._template.setText(str(changes.get("prompt_template") or ""))
        self._template.setPlaceholderText(basis.prompt_template or "{prompt}")
        self._negative.setText(str(changes.get("negative_prompt") or ""))
        self._negative.setPlaceholderText(basis.negative_prompt)
        self._language.setCurrentIndex(0 if own is None or own.language == "en" else 1)
        self._show_judgement(basis, own, models)

    def written(self) -> OwnStyle:
        """The style as it stands in the fields."""
        title = self._title.text().strip() or self._basis.title
        changes: dict[str, Any] = {member: field.chosen() for member, field in self._choices.items() if field.chosen()}
        changes.update(
            {
                name: text
                for name, text in (("prompt_template", self._template.text()), ("negative_prompt", self._negative.text()))
                if text
            }
        )
        for member in ("steps", "cfg", "guidance"):
            number = self._numbers[member].number()
            if number is not None:
                changes[member] = round(number) if member == "steps" else round(number, 2)
        strength = self._numbers["strength"].number()
        return OwnStyle(
            name=own_name(title),
            title=title,
            basis=self._basis.name,
            changes=changes,
            loras=self._loras.loras(),
            width=self._numbers["width"].whole(8),
            height=self._numbers["height"].whole(8),
            language=str(self._language.currentData()),
            default_strength=None if strength is None else strength / 100,
        )

    def _show_judgement(self, basis: Style, own: OwnStyle | None, models: Models) -> None:
        """What is missing of it, and under which licence it is used."""
        style = basis if own is None else shown(own, [basis], models) or basis
        self._missing.setText(
            style.barred or ", ".join(style.missing) or (tr("nothing") if style.available else tr("not known yet"))
        )
        self._licence.setText(licence_words(style.licence) or tr("not known"))

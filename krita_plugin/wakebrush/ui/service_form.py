"""The form of one service: name, address, token, and how it is reached."""

from __future__ import annotations

from dataclasses import replace

from ..client import proxy
from ..client.config import checked
from ..client.profiles import LOCAL, Profile
from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget


class ServiceForm(QWidget):
    """A stored token is never shown: an empty field keeps it, unless the address changes."""

    def __init__(self) -> None:
        super().__init__()
        self._name = _field("service_name", tr("what you call it"))
        self._endpoint = _field("endpoint", "https://wakebrush.example.com")
        self._token = _field("token", "")
        self._token.setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
        self._proxy = _field("proxy", tr("as the system says"))
        self._authority = _field("authority", tr("those of the system"))
        self._browse = QtWidgets.QToolButton()
        self._browse.setObjectName("authority_browse")
        self._browse.setText("…")
        self._browse.setAccessibleName(tr("Choose the file of an authority"))
        self._browse.clicked.connect(lambda: self._choose_authority())
        certificate = QtWidgets.QHBoxLayout()
        certificate.addWidget(self._authority, 1)
        certificate.addWidget(self._browse)
        form = QtWidgets.QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label, field in ((tr("Name"), self._name), (tr("Address"), self._endpoint), (tr("Token"), self._token)):
            form.addRow(label, field)
        form.addRow(tr("Certificates"), certificate)
        form.addRow(tr("Proxy"), self._proxy)

    def _tips(self) -> dict[QtWidgets.QLineEdit, str]:
        return {
            self._token: tr("Empty keeps the one that is stored."),
            self._authority: tr("A file of your studio's own authority, if it has one; it counts beside those of the system."),
            self._proxy: tr("An address like http://proxy.example.com:3128, with name:password@ if it asks for them; or “none”."),
        }

    def show_new(self) -> None:
        """Empty, for a service that is added by its token."""
        self._fill(Profile("", "", ""))
        self._lock("")
        self._token.setPlaceholderText(tr("from your admin, or from “wakebrush token create”"))

    def show_profile(self, profile: Profile, *, has_token: bool, locked_by: str) -> None:
        """A service of her list. `locked_by`: the file in which her studio's is set."""
        self._fill(replace(profile, proxy=proxy.shown(profile.proxy)) if profile.locked else profile)
        self._token.setPlaceholderText(tr("stored") if has_token else tr("none yet"))
        if profile.id == LOCAL:
            self._lock(tr("It is found by itself when it runs on this computer."))
        else:
            self._lock(tr("Set by your studio in {path}.", path=locked_by) if profile.locked else "")

    def focus_address(self) -> None:
        self._endpoint.setFocus(Qt.FocusReason.OtherFocusReason)

    def entered(self, profile: Profile | None) -> Profile:
        """What the fields say of a service (None: a new one). Raises ServiceError for what is no address."""
        endpoint = checked(self._endpoint.text()) if self._endpoint.text().strip() else ""
        before = profile or Profile("", "", "")
        typed = self._token.text().strip()
        token = typed or (before.token if endpoint == before.endpoint else "")
        name = self._name.text().strip() or endpoint.rpartition("://")[2]
        where = {"proxy": self._proxy.text().strip(), "authority": self._authority.text().strip()}
        return replace(before, name=name, endpoint=endpoint, token=token, **where)

    def _fill(self, profile: Profile) -> None:
        self._name.setText(profile.name)
        self._endpoint.setText(profile.endpoint)
        self._token.clear()
        self._proxy.setText(profile.proxy)
        self._authority.setText(profile.authority)

    def _lock(self, why: str) -> None:
        for field in (self._name, self._endpoint, self._token, self._proxy, self._authority):
            field.setReadOnly(bool(why))
            field.setToolTip(why or self._tips().get(field, ""))
        self._browse.setEnabled(not why)

    def _choose_authority(self) -> None:
        """Not native and not modal: Krita goes on while it is open."""
        dialog = QtWidgets.QFileDialog(self, tr("The certificate of your studio's authority"))
        dialog.setObjectName("authority_file")
        dialog.setNameFilter(tr("Certificates (*.pem *.crt *.cer)"))
        dialog.setOption(QtWidgets.QFileDialog.Option.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._authority.setText)
        dialog.open()


def _field(name: str, placeholder: str) -> QtWidgets.QLineEdit:
    field = QtWidgets.QLineEdit()
    field.setObjectName(name)
    field.setPlaceholderText(placeholder)
    return field

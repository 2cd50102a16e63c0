"""The Qt that this Krita embeds."""

from krita import Krita

if Krita.instance().version().startswith("6"):
    from PyQt6.QtCore import *  # noqa: F403
    from PyQt6.QtGui import *  # noqa: F403
    from PyQt6.QtWidgets import *  # noqa: F403
else:
    from PyQt5.QtCore import *  # noqa: F403
    from PyQt5.QtGui import *  # noqa: F403
    from PyQt5.QtWidgets import *  # noqa: F403

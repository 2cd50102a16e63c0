"""The plugin outside Krita, under the Qt binding that pytest-qt is told of: the plugin takes the one that is loaded."""

import importlib
import os

importlib.import_module("PyQt6.QtCore" if os.environ.get("PYTEST_QT_API") == "pyqt6" else "PyQt5.QtCore")

"""The system's own proxy settings, as Qt reads them. May take a while (a script of the network decides): for worker threads."""

from __future__ import annotations

from ..qt import QNetworkProxy, QNetworkProxyFactory, QNetworkProxyQuery, QtCore


def system_proxy(endpoint: str) -> str:
    """The HTTP proxy that the system names for an address, '' for none."""
    query = QNetworkProxyQuery(QtCore.QUrl(endpoint))
    for each in QNetworkProxyFactory.systemProxyForQuery(query):
        if each.type() == QNetworkProxy.ProxyType.NoProxy:
            return ""
        if each.type() in (QNetworkProxy.ProxyType.HttpProxy, QNetworkProxy.ProxyType.HttpCachingProxy):
            return _address(each.hostName(), each.port(), each.user(), each.password())
    return ""


def _address(host: str, port: int, user: str, password: str) -> str:
    url = QtCore.QUrl()
    url.setScheme("http")
    url.setHost(host)
    url.setPort(port)
    url.setUserName(user)
    url.setPassword(password)
    return bytes(url.toEncoded()).decode("ascii")

"""Stands in for MicroPython's `network`: a Wi-Fi that a test takes away."""

STA_IF, AP_IF = 0, 1

host = None


class WLAN:
    def __init__(self, interface):
        self._interface = interface

    def active(self, on=None):
        if on is not None and self._interface == AP_IF:
            host.say("access_point", active=on)

    def isconnected(self):
        return host.wifi

    def connect(self, name, password):
        host.say("wifi_join", name=name)
        host.wifi = host.wifi_names is None or name in host.wifi_names

    def scan(self):
        return [(b"Home <5 GHz>", b"", 1, -50, 3, 0)]

    def config(self, **settings):
        host.say("access_point_name", name=settings["essid"])

"""One paho client, told what to do line by line in JSON; each line is answered by one.

Argument: {"port", "id", "version": 4 or 5, "keepalive", "will": {"topic", "payload"},
"tls": {"ca", "cert", "key"}}.
"""

import base64
import json
import ssl
import sys
import threading

import paho.mqtt.client as mqtt

WAIT_S = 10


class Client:
    def __init__(self, wanted):
        self.changed = threading.Condition()
        self.answers, self.connected, self.reason = {}, False, "no answer"
        five = wanted["version"] == 5
        options = {} if five else {"clean_session": True}
        self.mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=wanted["id"],
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            reconnect_on_failure=False,
            **options,
        )
        if will := wanted.get("will"):
            self.mqtt.will_set(will["topic"], will["payload"], qos=1, retain=True)
        if tls := wanted.get("tls"):
            self.mqtt.tls_set(ca_certs=tls["ca"], certfile=tls.get("cert"), keyfile=tls.get("key"))
        self.mqtt.on_connect = lambda c, u, flags, reason, p: self.now(not reason.is_failure, str(reason))
        self.mqtt.on_disconnect = lambda c, u, flags, reason, p: self.now(False, f"disconnected: {reason}")
        self.mqtt.on_publish = lambda c, u, mid, reason, p: self.keep(("publish", mid), str(reason))
        self.mqtt.on_subscribe = lambda c, u, mid, reasons, p: self.keep(("subscribe", mid), str(reasons[0]))
        try:
            self.mqtt.connect("127.0.0.1", wanted["port"], keepalive=wanted["keepalive"])
        except (ssl.SSLError, ConnectionError) as refused:
            self.reason = f"Not connected: {refused}"
            return
        self.mqtt.loop_start()
        with self.changed:
            self.changed.wait_for(lambda: self.reason != "no answer", WAIT_S)

    def now(self, connected, reason):
        with self.changed:
            if reason.startswith("disconnected") and self.reason.startswith("Not"):
                return  # the reason of a refused login matters, not that the connection ends after it
            self.connected, self.reason = connected, reason
            self.changed.notify_all()

    def keep(self, key, reason):
        with self.changed:
            self.answers[key] = reason
            self.changed.notify_all()

    def answer(self, key):
        with self.changed:
            self.changed.wait_for(lambda: key in self.answers or not self.connected, WAIT_S)
            return self.answers.pop(key, self.reason)

    def do(self, command):
        if topic := command.get("publish"):
            payload = base64.b64decode(command["payload"])
            info = self.mqtt.publish(topic, payload, qos=command["qos"], retain=command["retain"])
            return self.answer(("publish", info.mid))
        if topic := command.get("subscribe"):
            return self.answer(("subscribe", self.mqtt.subscribe(topic, qos=1)[1]))
        with self.changed:
            if command.get("until") == "disconnected":
                self.changed.wait_for(lambda: not self.connected, WAIT_S)
            return self.reason


def main():
    client = Client(json.loads(sys.argv[1]))
    print(json.dumps({"connected": client.connected, "reason": client.reason}), flush=True)
    for line in sys.stdin:
        reason = client.do(json.loads(line))
        print(json.dumps({"connected": client.connected, "reason": reason}), flush=True)


main()

#!/usr/bin/env python3
"""Reference receiver for Muster's MQTT hooks: receiver.py behind a topic. Python 3.9 or later and paho-mqtt 2.

    MUSTER_HOOK_SECRET=whsec_... python3 receiver_mqtt.py --topic evacuate/db --host broker.example --port 8883 --ca ca.pem

Steps come at the topic, answers go to `{topic}/answer/{key}`, signed in both directions. What a step does, and what is
remembered of it, is receiver.py's.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from receiver import TOLERANCE_S, Store, checked, say, secret_of

# What receiver.py would answer over HTTP, in the words of an answer over MQTT.
STATES = {200: "done", 202: "running", 409: "refused", 422: "failed"}


class Receiver:
    def __init__(self, options):
        self.options = options
        self.store = Store(options.db)
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, client_id=options.client_id)
        self.client.on_connect = lambda client, *rest: client.subscribe(options.topic, qos=1)
        self.client.on_subscribe = lambda *rest: say("listening on %s" % options.topic)
        self.client.on_message = self.on_message

    def run(self):
        options = self.options
        if options.ca:
            self.client.tls_set(options.ca, options.cert, options.key)
        if options.username:
            self.client.username_pw_set(options.username, os.environ.get("MUSTER_MQTT_PASSWORD"))
        self.resume()
        self.client.connect_async(options.host, options.port, keepalive=10)
        self.client.loop_forever(retry_first_connection=True)

    def resume(self):
        """After a restart: go on with what was running. Whoever wants to know its end calls again."""
        for key, event, state, _ in self.store.unfinished():
            if state == "running":
                say("resumed %s" % key)
                self.start(key, json.loads(event))

    def on_message(self, client, userdata, message):
        properties = dict(getattr(message.properties, "UserProperty", []))
        key = properties.get("webhook-id", "")
        if message.retain or not self.authentic(key, properties, message.payload):
            say("401 refused: a signature or timestamp, or retained")
            return
        try:
            data = checked(json.loads(message.payload), key, reports=())
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            say("400 not an event of Muster's: %s" % error)
            return
        status, note, new = self.store.admit(key, data, self.options.work_seconds <= 0)
        say("%d %s %s token=%d: %s" % (status, data["mode"], key, data["token"], note))
        self.answer(key, STATES.get(status, "retry"), note)
        if new:
            self.start(key, data)

    def start(self, key, data):
        threading.Thread(target=self.work, args=(key, data), daemon=True).start()

    def work(self, key, data):
        """YOURS. It may be begun again for the same key after a crash, so it must bear that."""
        time.sleep(self.options.work_seconds)
        state, note = self.store.finish(key, data)
        self.store.told(key)
        say("%s %s: %s" % (state, key, note))
        self.answer(key, state, note)

    def sign(self, key, stamp, payload):
        signed = key.encode() + b"." + stamp.encode() + b"." + payload
        return "v1," + base64.b64encode(hmac.new(self.options.secret, signed, hashlib.sha256).digest()).decode()

    def authentic(self, key, properties, payload):
        stamp = properties.get("webhook-timestamp", "")
        try:
            fresh = abs(time.time() - int(stamp)) <= TOLERANCE_S
        except ValueError:
            return False
        right = self.sign(key, stamp, payload).encode()
        shown = properties.get("webhook-signature", "").split(" ")
        return bool(key) and fresh and any(hmac.compare_digest(right, one.encode()) for one in shown)

    def answer(self, key, state, note):
        payload = json.dumps({"state": state, "note": note}).encode()
        stamp = str(int(time.time()))
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("webhook-id", key), ("webhook-timestamp", stamp),
                                   ("webhook-signature", self.sign(key, stamp, payload))]
        self.client.publish("%s/answer/%s" % (self.options.topic, key), payload, qos=1, properties=properties)


def main():
    parser = argparse.ArgumentParser(description="Reference receiver for Muster's MQTT hooks.")
    parser.add_argument("--topic", required=True, help="as in the config")
    parser.add_argument("--host", default="127.0.0.1", help="the broker (default: %(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="its port (default: %(default)s)")
    parser.add_argument("--ca", help="PEM file with the CA of the broker's certificate; with it TLS is spoken")
    parser.add_argument("--cert", help="our certificate, where the broker wants one")
    parser.add_argument("--key", help="its key")
    parser.add_argument("--username", help="its password comes from MUSTER_MQTT_PASSWORD")
    parser.add_argument("--client-id", default="", help="where the broker wants a certain one")
    parser.add_argument("--db", default="receiver.db", help="SQLite file (default: %(default)s)")
    parser.add_argument("--work-seconds", type=float, default=0.0, help="how long a step takes (default: %(default)s)")
    options = parser.parse_args()
    if "MUSTER_HOOK_SECRET" not in os.environ:
        parser.error("MUSTER_HOOK_SECRET is needed")
    options.secret = secret_of(os.environ["MUSTER_HOOK_SECRET"])
    Receiver(options).run()


if __name__ == "__main__":
    main()

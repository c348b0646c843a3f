"""An SNMP v2c agent that is told how to misbehave: {"mode": "good"} and so on, one JSON line each, answered by one.

Whatever it says wrongly says that the load is on battery (5), so that a value taken from it would show as `prepare`.
It decodes and encodes with pyasn1 and pysnmp, which share nothing with Muster.
"""

import json
import select
import socket
import sys
import time

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

V2C = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
OUTPUT_SOURCE = (1, 3, 6, 1, 2, 1, 33, 1, 4, 1, 0)
ALARMS_PRESENT = (1, 3, 6, 1, 2, 1, 33, 1, 6, 1, 0)
ALARM_DESCR = (1, 3, 6, 1, 2, 1, 33, 1, 6, 2, 1, 2)
BATTERY_TEMPERATURE_BAD = (1, 3, 6, 1, 2, 1, 33, 1, 6, 3, 5)
ENDLESS = ("endless", "stuck")


class Agent:
    def __init__(self):
        self.mode = "good"
        self.started = time.monotonic() - 1000
        self.gets = 0

    def value(self, oid):
        """What it has under an OID, as an SNMP value."""
        lies = self.mode != "good"
        table = {
            (1, 3, 6, 1, 2, 1, 1, 2, 0): V2C.ObjectIdentifier(
                (1, 3, 6, 1, 4, 1, 9999) if self.mode == "other_device" else (1, 3, 6, 1, 4, 1, 534, 1)
            ),
            (1, 3, 6, 1, 2, 1, 1, 3, 0): V2C.TimeTicks(int((time.monotonic() - self.started) * 100)),
            (1, 3, 6, 1, 2, 1, 33, 1, 2, 1, 0): V2C.Integer(2),
            (1, 3, 6, 1, 2, 1, 33, 1, 2, 4, 0): V2C.Integer(100),
            OUTPUT_SOURCE: V2C.Integer(5 if lies and self.mode not in ENDLESS else 3),
            ALARMS_PRESENT: V2C.Gauge32(3 if self.mode in ENDLESS else 0),
        }
        return table.get(oid, V2C.NoSuchObject(""))

    def bindings(self, pdu):
        asked = [tuple(oid) for oid, _ in V2C.apiPDU.get_varbinds(pdu)]
        if pdu.isSameTypeWith(V2C.GetBulkRequestPDU()):
            return self.rows(asked[0])
        self.gets += 1
        answer = [(oid, self.value(oid)) for oid in asked]
        if self.mode == "neighbours":  # every value under the next one's name
            answer = [(oid, value) for oid, (_, value) in zip(asked, answer[1:] + answer[:1])]
            answer = [(tuple(oid[:-1]) + (oid[-1] + 1,), value) for oid, value in answer]
        if self.mode == "swapped":
            answer = answer[::-1]
        if self.mode == "missing":
            answer = answer[:-1]
        if self.mode == "extra":
            answer = answer + [(OUTPUT_SOURCE, V2C.Integer(5))]
        return answer

    def rows(self, asked):
        """Rows that go on for ever, or that never get on."""
        last = asked[-1] if len(asked) > len(ALARM_DESCR) else 0
        at = 1 if self.mode == "stuck" else last + 1
        harmless = V2C.ObjectIdentifier((1, 3, 6, 1, 2, 1, 33, 1, 6, 3, 24))
        return [(ALARM_DESCR + ((at if self.mode == "stuck" else at + n),), harmless) for n in range(10)]

    def answers(self, request):
        """The datagrams that answer one."""
        message, _ = decoder.decode(request, asn1Spec=V2C.Message())
        pdu = V2C.apiMessage.get_pdu(message)
        answer = V2C.apiMessage.get_response(message)
        out = V2C.apiMessage.get_pdu(answer)
        V2C.apiPDU.set_varbinds(out, self.bindings(pdu))
        identity = int(V2C.apiPDU.get_request_id(pdu))
        if self.mode == "wrong_id":
            V2C.apiPDU.set_request_id(out, (identity + 1) % 2**31)
        if self.mode == "wrong_community":
            V2C.apiMessage.set_community(answer, "somebody")
        whole = encoder.encode(answer)
        if self.mode == "silent":
            return []
        if self.mode == "truncated":
            return [whole[:cut] for cut in range(0, len(whole), 7)]
        if self.mode == "garbage":
            return [bytes((n * 37 + k) % 256 for k in range(n * 40)) for n in range(1, 30)]
        if self.mode == "flood":
            V2C.apiPDU.set_request_id(out, (identity + 7) % 2**31)
            return [encoder.encode(answer)] * 500
        return [whole]


def main():
    agent = Agent()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(json.dumps({"port": server.getsockname()[1]}), flush=True)
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [])
        if server in ready:
            request, client = server.recvfrom(65535)
            for datagram in agent.answers(request):
                server.sendto(datagram, client)
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            command = json.loads(line)
            if command["mode"] == "restarted":
                agent.started = time.monotonic()
            else:
                agent.mode = command["mode"]
            print(json.dumps({"mode": agent.mode, "gets": agent.gets}), flush=True)


main()

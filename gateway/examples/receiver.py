#!/usr/bin/env python3
"""Reference receiver for Muster's webhooks: Python 3.9 or later, standard library only.

It shows everything a hook must get right, and carries out nothing but a line in a table. To make it yours, change
`Work.carry_out` and `Store.is_safe`; the rest can stay. The contract is in HOOKS.md.

    python3 receiver.py --port 9000 --secret whsec_... --db receiver.db --work-seconds 20

What it gets right, and where:
  authentic     the signature covers id, time and body; older than five minutes is refused    Handler.authentic
  exactly once  a key's end is remembered in one transaction with its effect, on disk         Store.finish
  fenced        a token lower than one acted on is refused, when asked and again when done    Store.admit, finish
  drills        take the same way and change nothing                                          Store.finish
  slow work     is answered 202 at once; progress is pushed, and told at `Location`           Work, Handler.do_GET
  restarts      go on where they were, kill -9 included                                       Work.resume
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import socketserver
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

TOLERANCE_S = 5 * 60        # Standard Webhooks: an older (or later) timestamp may be a replay.
MAX_BODY = 64 * 1024        # CloudEvents: nobody has to forward more than this.
PROGRESS_EVERY_S = 1.0      # Often enough for a person who watches.
PROGRESS_TIMEOUT_S = 5.0    # The gateway may be what is burning.
PROGRESS_TRIES = 60         # After that the gateway has to ask, at `Location` or by calling again.

SCHEMA = """
CREATE TABLE IF NOT EXISTS steps (          -- every key we have ever taken
    key TEXT PRIMARY KEY,
    event TEXT NOT NULL,                    -- the event's data, to go on after a restart
    state TEXT NOT NULL,                    -- running, done or failed
    note TEXT NOT NULL DEFAULT '',
    told INTEGER NOT NULL DEFAULT 0         -- whether the gateway knows how it ended
);
CREATE TABLE IF NOT EXISTS fences (         -- the highest token acted on; drills have a fence of their own
    mode TEXT NOT NULL,
    workload TEXT NOT NULL,
    token TEXT NOT NULL,                    -- 20 digits: a token may exceed SQLite's signed integers
    PRIMARY KEY (mode, workload)
);
CREATE TABLE IF NOT EXISTS effects (        -- what has been done for real; here stands for your orchestrator
    key TEXT PRIMARY KEY,
    workload TEXT NOT NULL,
    phase TEXT NOT NULL,
    rung TEXT NOT NULL,
    destination TEXT
);
"""


def say(line):
    """One line an event, at once even into a pipe."""
    print(line, flush=True)


def padded(token):
    """A token as text that sorts as the number does."""
    return "%020d" % token


class Store:
    """What must survive. One connection and one lock: every method is one transaction."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")  # A power cut is the very case this is for.
        self.db.executescript(SCHEMA)

    def transaction(self, work):
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                result = work(self.db)
                self.db.execute("COMMIT")
                return result
            except BaseException:
                self.db.execute("ROLLBACK")
                raise

    def admit(self, key, data, at_once):
        """Takes a step, or says what became of it. Returns (status, note, new)."""
        return self.transaction(lambda db: self._admit(db, key, data, at_once))

    def _admit(self, db, key, data, at_once):
        known = db.execute("SELECT state, note FROM steps WHERE key = ?", (key,)).fetchone()
        # A step that has ended is answered as it ended, whatever came later: this changes nothing any more.
        if known and known[0] != "running":
            return (200 if known[0] == "done" else 422), known[1], False
        token = padded(data["token"])
        fence = self._fence(db, data)
        if token < fence:
            return 409, "token %d is lower than %d" % (data["token"], int(fence)), False
        if known:
            return 202, "already under way", False
        if data["phase"] == "verify":
            # A question: it is answered afresh every time, remembered nowhere and moves no fence.
            return self._verify(db, data) + (False,)
        db.execute("REPLACE INTO fences VALUES (?, ?, ?)", (data["mode"], data["workload"], token))
        db.execute("INSERT INTO steps (key, event, state) VALUES (?, ?, 'running')", (key, json.dumps(data)))
        if at_once:
            state, note = self._finish(db, key, data)
            db.execute("UPDATE steps SET told = 1 WHERE key = ?", (key,))  # The answer itself tells.
            return (200 if state == "done" else 422), note, False
        return 202, "accepted", True

    def finish(self, key, data):
        """Records the effect and the end of a step together: both or neither. Returns (state, note)."""
        return self.transaction(lambda db: self._finish(db, key, data))

    def _finish(self, db, key, data):
        # The fence may have risen while we worked; whoever raised it has taken this workload over.
        if padded(data["token"]) < self._fence(db, data):
            state, note = "failed", "overtaken by a later step"
        elif data["mode"] == "drill":
            state, note = "done", "drill: nothing was changed"
        else:
            state, note = "done", "effect recorded"
            db.execute("INSERT INTO effects VALUES (?, ?, ?, ?, ?)",
                       (key, data["workload"], data["phase"], data["rung"], data["destination"]))
        db.execute("UPDATE steps SET state = ?, note = ? WHERE key = ?", (state, note, key))
        return state, note

    @staticmethod
    def _fence(db, data):
        row = db.execute("SELECT token FROM fences WHERE mode = ? AND workload = ?",
                         (data["mode"], data["workload"])).fetchone()
        return row[0] if row else padded(0)

    def _verify(self, db, data):
        """Has the evacuation that this step asks about really taken place?"""
        evacuation = key_of(data, "evacuate", data["destination"])
        row = db.execute("SELECT state FROM steps WHERE key = ?", (evacuation,)).fetchone()
        if not row:
            return self._verify_home(db, data)
        if row[0] == "running":
            return 503, "not yet"  # Neither yes nor no: the gateway asks again.
        if row[0] == "done" and self.is_safe(db, evacuation, data):
            return 200, "verified"
        return 422, "not evacuated"

    def _verify_home(self, db, data):
        """Nothing was evacuated to there: it is the site itself, and the question is whether the workload is home again."""
        back = key_of(data, "restore", None)
        rows = db.execute("SELECT key, state, event FROM steps WHERE key = ? OR substr(key, 1, ?) = ?",
                          (back, len(back) + 1, back + "."))
        # A restore counts only as the last thing that was done to the workload.
        last = [(key, state) for key, state, event in rows
                if padded(json.loads(event)["token"]) >= self._fence(db, data)]
        if any(state == "running" for _, state in last):
            return 503, "not yet"
        if any(state == "done" and self.is_safe(db, key, data) for key, state in last):
            return 200, "at home"
        return 422, "neither evacuated nor restored"

    @staticmethod
    def is_safe(db, key, data):
        """YOURS: ask the world, not your own notes, whether the evacuation or the restore with this key really took place.
        An orchestrator's "evacuated" is not yet empty."""
        if data["mode"] == "drill":
            return True
        return db.execute("SELECT 1 FROM effects WHERE key = ?", (key,)).fetchone() is not None

    def state(self, key):
        return self.transaction(
            lambda db: db.execute("SELECT state, note FROM steps WHERE key = ?", (key,)).fetchone())

    def effects(self):
        return dict(self.transaction(
            lambda db: db.execute("SELECT key, count(*) FROM effects GROUP BY key").fetchall()))

    def told(self, key):
        self.transaction(lambda db: db.execute("UPDATE steps SET told = 1 WHERE key = ?", (key,)))

    def unfinished(self):
        return self.transaction(
            lambda db: db.execute("SELECT key, event, state, note FROM steps WHERE told = 0").fetchall())


def key_of(data, phase, destination):
    """The key of what a verify step asks about: the same workload and rung in another phase."""
    parts = [data["workload"], data["rung"], phase] + ([destination] if destination else [])
    key = data["incident"] + "." + ".".join(parts)
    return "drill." + key if data["mode"] == "drill" else key


class Work:
    """Carries out steps that take time, one thread a step, and tells the gateway how they go on."""

    def __init__(self, store, seconds):
        self.store = store
        self.seconds = seconds
        self.percents = {}
        self.unheard = False
        # Neither a proxy from the environment nor a redirect: the URL came signed, and is called as it stands.
        self.http = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)

    def start(self, key, data):
        threading.Thread(target=self.run, args=(key, data), daemon=True).start()

    def resume(self):
        """After a restart: go on with what was running, and tell what had ended but was not told."""
        for key, event, state, note in self.store.unfinished():
            data = json.loads(event)
            say("resumed %s %s" % (state, key))
            if state == "running":
                self.start(key, data)
            else:
                threading.Thread(target=self.tell_end, args=(key, data, state, note), daemon=True).start()

    def run(self, key, data):
        self.carry_out(key, data)
        state, note = self.store.finish(key, data)
        self.percents.pop(key, None)
        say("%s %s: %s" % (state, key, note))
        self.tell_end(key, data, state, note)

    def carry_out(self, key, data):
        """YOURS: move, fail over, stop. It may be called again for the same key after a crash, so it must bear that.
        Here it only takes its time."""
        began = time.monotonic()
        while time.monotonic() - began < self.seconds:
            percent = int(100 * (time.monotonic() - began) / self.seconds)
            self.percents[key] = percent
            self.tell(data, {"state": "running", "percent": percent})
            left = self.seconds - (time.monotonic() - began)
            time.sleep(max(0.0, min(PROGRESS_EVERY_S, left)))

    def tell_end(self, key, data, state, note):
        for _ in range(PROGRESS_TRIES):
            if self.tell(data, {"state": state, "note": note}):
                self.store.told(key)
                return
            time.sleep(1.0)

    def tell(self, data, report):
        """POSTs progress. True when there is no use in trying again: it was taken, or it was refused."""
        request = urllib.request.Request(
            data["progress_url"], json.dumps(report).encode(), method="POST",
            headers={"Content-Type": "application/json", "Authorization": "Bearer " + data["progress_token"]})
        try:
            with self.http.open(request, timeout=PROGRESS_TIMEOUT_S):
                self.unheard = False
                return True
        except urllib.error.HTTPError as error:
            error.close()
            self.say_unheard(data, error)
            return 400 <= error.code < 500 and error.code not in (408, 429)
        except (OSError, ValueError) as error:
            self.say_unheard(data, error)
            return False

    def say_unheard(self, data, error):
        """Once, until a report is taken again: a person has to know, and need not be told every second."""
        if not self.unheard:
            self.unheard = True
            say("progress is not heard at %s: %s" % (data["progress_url"], error))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"       # Kept alive: a retry needs no new handshake.
    disable_nagle_algorithm = True      # An answer leaves at once.
    wbufsize = -1                       # Headers and body in one packet.
    timeout = 120                       # A peer that says nothing for so long is gone.

    def do_POST(self):
        body = self.body()
        if body is None:
            return
        if not self.authentic(body):
            return self.answer(401, "signature or timestamp refused")
        try:
            data = checked(json.loads(body), self.headers["webhook-id"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return self.answer(400, "not an event of Muster's: %s" % error)
        key = self.headers["webhook-id"]
        status, note, new = self.server.store.admit(key, data, self.server.work.seconds <= 0)
        say("%d %s %s token=%d: %s" % (status, data["mode"], key, data["token"], note))
        self.answer(status, note, location=key if status == 202 else None)
        if new:
            self.server.work.start(key, data)

    def do_GET(self):
        """`Location` of a 202: how the step goes on. Signed like the call, over an empty body."""
        if not self.authentic(b""):
            return self.answer(401, "signature or timestamp refused")
        if self.path == "/effects":
            # For `muster hooks test --effects`: how often each key had its effect.
            counts = json.dumps({"effects": self.server.store.effects()})
            return self.send(200, counts.encode(), "application/json", None)
        found = self.server.store.state(self.headers["webhook-id"])
        if not found:
            return self.answer(404, "unknown step")
        state, note = found
        report = {"state": state, "note": note}
        percent = self.server.work.percents.get(self.headers["webhook-id"])
        if state == "running" and percent is not None:
            report["percent"] = percent
        self.send(200, json.dumps(report).encode(), "application/json", None)

    def authentic(self, body):
        """Whether the gateway sent exactly this, just now."""
        key = self.headers.get("webhook-id", "")
        stamp = self.headers.get("webhook-timestamp", "")
        try:
            if abs(time.time() - int(stamp)) > TOLERANCE_S:
                return False
            signed = key.encode() + b"." + stamp.encode() + b"." + body
        except ValueError:
            return False
        right = "v1," + base64.b64encode(hmac.new(self.server.secret, signed, hashlib.sha256).digest()).decode()
        # There may be several, separated by spaces, while a secret is being changed.
        shown = self.headers.get("webhook-signature", "").split(" ")
        return bool(key) and any(hmac.compare_digest(right.encode(), one.encode()) for one in shown)

    def body(self):
        length = self.headers.get("Content-Length", "0")
        # Muster always says how long a body is; nine digits are plenty, and an int() of thousands is slow.
        known = "Transfer-Encoding" not in self.headers and length.isascii() and length.isdigit() and len(length) < 10
        if not known or int(length) > MAX_BODY:
            if known:
                self.rfile.read(min(int(length), MAX_BODY * 16))  # Else the peer, still sending, may miss the answer.
            self.close_connection = True
            self.answer(413, "a body of at most %d bytes" % MAX_BODY)
            return None
        return self.rfile.read(int(length))

    def answer(self, status, note, location=None):
        self.send(status, (note + "\n").encode(), "text/plain; charset=utf-8", location)

    def send(self, status, body, kind, location):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", "/steps/" + urllib.parse.quote(location, safe=""))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format, *args):
        pass  # `say` prints what happened; the request line adds nothing.


REPORTS = ("progress_url", "progress_token")  # Over HTTP only.


def checked(event, key, reports=REPORTS):
    """The event's data, if it is one of ours and the signed header speaks of the same step."""
    if event["id"] != key:
        raise ValueError("its id is not the webhook-id")
    data = event["data"]
    for field in ("incident", "step", "workload") + reports:
        if not isinstance(data[field], str):
            raise ValueError("%s is not text" % field)
    for field, words in (("mode", ("live", "drill")), ("phase", ("prepare", "evacuate", "verify", "restore")),
                         ("rung", ("move", "failover", "stop"))):
        if data[field] not in words:
            raise ValueError("%s is none of %s" % (field, ", ".join(words)))
    if not (data["destination"] is None or isinstance(data["destination"], str)):
        raise ValueError("destination is not text")
    if type(data["token"]) is not int or not 0 <= data["token"] < 2 ** 64:
        raise ValueError("token is not an unsigned 64-bit integer")
    return data


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # A peer that went away is no news; anything else is.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def secret_of(text):
    if not text.startswith("whsec_"):
        raise argparse.ArgumentTypeError("a secret begins with whsec_")
    try:
        secret = base64.b64decode(text[len("whsec_"):], validate=True)
    except ValueError:
        raise argparse.ArgumentTypeError("after whsec_ comes base64")
    if not 24 <= len(secret) <= 64:
        raise argparse.ArgumentTypeError("a secret has 24 to 64 bytes")
    return secret


def main():
    parser = argparse.ArgumentParser(description="Reference receiver for Muster's webhooks.")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--secret", type=secret_of, default=os.environ.get("MUSTER_HOOK_SECRET"),
                        help="whsec_…; better in the environment as MUSTER_HOOK_SECRET, where `ps` does not show it")
    parser.add_argument("--db", default="receiver.db", help="SQLite file (default: %(default)s)")
    parser.add_argument("--work-seconds", type=float, default=0.0,
                        help="how long a step takes; 0 is answered 200 at once, more 202 (default: %(default)s)")
    options = parser.parse_args()
    if options.secret is None:
        parser.error("--secret or MUSTER_HOOK_SECRET is needed")
    with Server((options.bind, options.port), Handler) as server:
        server.secret = options.secret
        server.store = Store(options.db)
        server.work = Work(server.store, options.work_seconds)
        say("listening on %s:%d" % server.server_address[:2])
        server.work.resume()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()

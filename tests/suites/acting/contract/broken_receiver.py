"""The reference receiver with one thing wrong: broken_receiver.py FAULT, and then receiver.py's own options.

Each fault is one that people make. `muster hooks test` has to find every one of them.
"""
import os
import sys
import time

sys.path.insert(0, os.environ["MUSTER_EXAMPLES"])
import receiver  # noqa: E402
from receiver import Handler, Store, Work  # noqa: E402

FAULTS = {}


def fault(function):
    FAULTS[function.__name__] = function
    return function


@fault
def believes_everybody():
    Handler.authentic = lambda self, body: True


@fault
def believes_old_stamps():
    receiver.TOLERANCE_S = 10 ** 9


@fault
def answers_422_to_strangers():
    answer = Handler.answer
    Handler.answer = lambda self, status, *rest, **more: answer(self, 422 if status == 401 else status, *rest, **more)


@fault
def takes_one_signature():
    authentic = Handler.authentic
    Handler.authentic = lambda self, body: " " not in self.headers.get("webhook-signature", "") and authentic(self, body)


@fault
def takes_old_tokens():
    Store._fence = staticmethod(lambda db, data: receiver.padded(0))


@fault
def counts_in_floats():
    receiver.padded = lambda token: "%020d" % int(float(token))


@fault
def fences_before_keys():
    admit = Store._admit

    def fenced(self, db, key, data, at_once):
        if receiver.padded(data["token"]) < self._fence(db, data):
            return 409, "too low", False
        return admit(self, db, key, data, at_once)
    Store._admit = fenced


@fault
def has_one_fence_for_both_modes():
    def fence(db, data):
        row = db.execute("SELECT max(token) FROM fences WHERE workload = ?", (data["workload"],)).fetchone()
        return row[0] or receiver.padded(0)
    Store._fence = staticmethod(fence)


@fault
def questions_raise_its_fence():
    verify = Store._verify

    def raising(self, db, data):
        db.execute("REPLACE INTO fences VALUES (?, ?, ?)", (data["mode"], data["workload"], receiver.padded(data["token"])))
        return verify(self, db, data)
    Store._verify = raising


@fault
def forgets_keys_over_a_restart():
    init = Store.__init__

    def forgetting(self, path):
        init(self, path)
        self.db.execute("DELETE FROM steps")
    Store.__init__ = forgetting


@fault
def forgets_everything_over_a_restart():
    init = Store.__init__

    def forgetting(self, path):
        init(self, path)
        self.db.execute("DELETE FROM steps")
        self.db.execute("DELETE FROM fences")
    Store.__init__ = forgetting


@fault
def does_it_again_for_a_known_key():
    head, effects = receiver.SCHEMA.split("CREATE TABLE IF NOT EXISTS effects")
    receiver.SCHEMA = head + "CREATE TABLE IF NOT EXISTS effects" + effects.replace("PRIMARY KEY", "")
    admit = Store._admit

    def forgetful(self, db, key, data, at_once):
        db.execute("DELETE FROM steps WHERE key = ?", (key,))
        return admit(self, db, key, data, at_once)
    Store._admit = forgetful


@fault
def takes_drills_for_real():
    finish = Store._finish

    def real(self, db, key, data):
        if data["mode"] == "drill":
            db.execute("REPLACE INTO effects VALUES (?, ?, ?, ?, ?)",
                       (key, data["workload"], data["phase"], data["rung"], data["destination"]))
        return finish(self, db, key, data)
    Store._finish = real


@fault
def says_safe_without_looking():
    Store._verify = lambda self, db, data: (200, "sure")


@fault
def never_says_home():
    Store._verify_home = lambda self, db, data: (422, "not evacuated")


@fault
def never_says_safe():
    Store._verify = lambda self, db, data: (503, "not yet")


@fault
def refuses_what_it_does_not_know():
    checked = receiver.checked

    def strict(event, key, *reports):
        if "later" in event:
            raise ValueError("what is `later`?")
        return checked(event, key, *reports)
    receiver.checked = strict


@fault
def takes_small_bodies_only():
    receiver.MAX_BODY = 16 * 1024


@fault
def refuses_what_is_late():
    checked = receiver.checked

    def punctual(event, key, *reports):
        if event["data"]["deadline_in_s"] == 0:
            raise ValueError("too late")
        return checked(event, key, *reports)
    receiver.checked = punctual


@fault
def is_never_heard_of_again():
    Work.tell = lambda self, data, report: True
    send = Handler.send
    Handler.send = lambda self, status, body, kind, location: send(self, status, body, kind, None)


@fault
def shows_another_bearer():
    tell = Work.tell
    Work.tell = lambda self, data, report: tell(self, dict(data, progress_token="0" * 64), report)


@fault
def refuses_what_comes_at_once():
    admit = Store.admit
    busy = []

    def one_at_a_time(self, key, data, at_once):
        if busy:
            return 409, "busy", False
        busy.append(key)
        try:
            time.sleep(0.05)
            return admit(self, key, data, at_once)
        finally:
            busy.remove(key)
    Store.admit = one_at_a_time


@fault
def remembers_what_it_refuses():
    post = Handler.do_POST
    refused = set()

    def remembering(self):
        key = self.headers.get("webhook-id", "")
        if key in refused:
            self.body()
            return self.answer(401, "you again")
        answer = self.answer

        def note(status, *rest, **more):
            if status == 401:
                refused.add(key)
            answer(status, *rest, **more)
        self.answer = note
        try:
            post(self)
        finally:
            del self.answer
    Handler.do_POST = remembering


if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    receiver.main()

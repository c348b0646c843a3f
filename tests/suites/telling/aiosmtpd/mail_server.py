"""A mail server. Its one argument is JSON: tls ("start", "starttls" or "none"), cert, key, login ([user, password] or null),
refuse (recipients refused for good), later (recipients refused once), fail (answers to the first messages; "cut" cuts the
connection instead). Prints {"port": n}, then each mail it has taken."""
import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

ARGUMENTS = json.loads(sys.argv[1])


def say(what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self):
        self.later = set(ARGUMENTS["later"])
        self.fail = list(ARGUMENTS["fail"])

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in ARGUMENTS["refuse"]:
            return "550 5.1.1 no such user"
        if address in self.later:
            self.later.discard(address)
            return "451 4.7.1 greylisted, come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.fail:
            answer = self.fail.pop(0)
            if answer != "cut":
                return answer
            server.transport.abort()
            return "421 gone"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        say({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "encrypted": session.ssl is not None or ARGUMENTS["tls"] == "start",
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "headers": [[name, str(value)] for name, value in mail.items()], "text": mail.get_content(),
            "raw": envelope.content.decode("utf-8", "replace"),
        })
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == ARGUMENTS["login"]
    return AuthResult(success=known, handled=False, auth_data=data if known else None)


async def main():
    context = None
    if ARGUMENTS["tls"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ARGUMENTS["cert"], ARGUMENTS["key"])
    starttls = context if ARGUMENTS["tls"] == "starttls" else None
    handler = Handler()

    def session():
        return SMTP(
            handler, hostname="mail.test", tls_context=starttls, require_starttls=starttls is not None,
            authenticator=authenticate, auth_required=ARGUMENTS["login"] is not None, auth_require_tls=starttls is not None,
        )

    at_once = context if ARGUMENTS["tls"] == "start" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=at_once)
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())

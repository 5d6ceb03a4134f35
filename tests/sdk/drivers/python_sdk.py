"""Tells a Python SDK, found on PYTHONPATH, the story that comes by standard input.

``python python_sdk.py MODULE < settings.json``; ends with 1 if the SDK gave anything up.
"""

import datetime
import importlib
import json
import sys
import time

settings = json.load(sys.stdin)
skew = datetime.timedelta(seconds=settings["skewSeconds"])


class WrongClock(datetime.datetime):
    """The clock of a machine that is set wrong. The SDK takes it for the real one."""

    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + skew

    @classmethod
    def utcnow(cls):
        return cls.now(datetime.UTC).replace(tzinfo=None)


datetime.datetime = WrongClock  # before the SDK imports it
right_time = time.time
time.time = lambda: right_time() + skew.total_seconds()

sdk = importlib.import_module(sys.argv[1])
given_up = []
client = sdk.Client(
    settings["writeKey"],
    host=settings["url"],
    gzip=settings["gzip"],
    upload_size=5,
    upload_interval=0.1,
    timeout=10,
    on_error=lambda error, _: given_up.append(repr(error)),
)
arguments = {
    "userId": "user_id", "anonymousId": "anonymous_id", "previousId": "previous_id",
    "groupId": "group_id", "messageId": "message_id",
}  # fmt: skip
for told in settings["calls"]:
    call = dict(told)
    method = getattr(client, call.pop("call"))
    ago = call.pop("secondsAgo", None)
    if ago is not None:
        now = WrongClock.now(datetime.UTC)
        call["timestamp"] = now - datetime.timedelta(seconds=ago)
    method(**{arguments.get(name, name): value for name, value in call.items()})
client.flush()
client.join()
sys.exit("\n".join(given_up) or 0)

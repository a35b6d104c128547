"""The storage service without sockets: buckets, objects, sessions, notifications and signatures over one state."""

import json
from pathlib import Path

from emulators.clock import Clock

from .buckets import Buckets
from .notifications import Notifications, Publish
from .objects import Objects
from .sessions import LIFETIME_S, Sessions
from .signing import Signatures, Signers
from .state import State


class Engine:
    """Everything the wire asks of. `data_dir=None` keeps rows in memory and bytes in a folder that goes with it.

    `signers(email)` answers a service account's public key in PEM. `publish(topic, data, attributes)` takes topics as
    `projects/{p}/topics/{t}` and raises if it did not succeed; it is called by `deliver_events` only.
    """

    def __init__(self, data_dir: Path | None, clock: Clock, signers: Signers, publish: Publish) -> None:
        self.state = State(data_dir, clock)
        self.buckets = Buckets(self.state)
        self.notifications = Notifications(self.state, self.buckets, publish)
        self.objects = Objects(self.state, self.buckets, self.notifications)
        self.sessions = Sessions(self.state, self.objects)
        self.signatures = Signatures(signers, clock)
        self._sweep()

    def deliver_events(self) -> int:
        """Publishes the events that wait and answers how many could not be."""
        return self.notifications.deliver()

    def reset(self) -> None:
        """Forgets everything, as on a new machine; generations go on rising."""
        with self.state.writing() as db:
            for table in ("buckets", "objects", "notifications", "outbox", "sessions", "rewrites"):
                db.execute(f"DELETE FROM {table}")
            self.state.contents.sweep((), ())

    def close(self) -> None:
        self.state.close()

    def _sweep(self) -> None:
        """Removes what a killed process left half done."""
        drafts = self.sessions.sweep()
        with self.state.writing() as db:
            db.execute("DELETE FROM rewrites WHERE created < ?", (self.state.clock() - LIFETIME_S,))
            contents = {row[0] for row in db.execute("SELECT content FROM objects")}
            finished = [json.loads(row[0]) for row in db.execute("SELECT state FROM sessions")]
        over = {one["draft"] for one in finished if one["result"] is not None or one["cancelled"]}
        self.state.contents.sweep(contents, drafts - over)

"""What nobody could take is said aloud: one log entry that an alert counts."""

from shared import logging
from shared.messaging.messages import DeadLetter


def tell_dead_letters(message: DeadLetter, deps: None) -> None:
    """The documents themselves wait for the minute's sweep; what is lost is this one telling."""
    logging.error(
        "dead_letter",
        subscription=message.subscription_id,
        message_id=message.message_id,
        tenant=message.tenant,
        event_id=message.event_id,
        object_id=message.object_id,
    )

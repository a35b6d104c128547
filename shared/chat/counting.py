"""What a turn took of the models is counted in the commit that ends the turn: once, whoever ends it."""

from collections.abc import Sequence

from shared.domain.chat import ChatTurn, TurnStep
from shared.domain.usage import model_tally
from shared.store.documents import Batch, Store
from shared.store.usage import Usage


def count_in(batch: Batch, turn: ChatTurn, steps: Sequence[TurnStep], store: Store) -> None:
    """An answer that was of no use, and so became no step, is not counted."""
    tally = model_tally((step.model, step.input_tokens, step.output_tokens + step.thought_tokens) for step in steps)
    if tally:
        about = {"session_id": turn.session_id, "turn_id": turn.turn_id}
        Usage(store).count_in(batch, turn.tenant, turn.turn_id, store.clock(), tally, about)

from typing import Any

import functions_framework

from functions.pipeline.tell_dead_letters.telling import tell_dead_letters as work
from shared.messaging.messages import DeadLetter
from shared.work.stage import Stage

stage = Stage(DeadLetter, work, lambda: None)


@functions_framework.http
def tell_dead_letters(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)

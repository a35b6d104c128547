"""Models asked in the name of a tenant, while its request waits: what each answer took is counted to it."""

from dataclasses import dataclass

from shared.inference.models import Answer, Models, Question
from shared.usage.meter import Meter


@dataclass(frozen=True)
class MeteredModels:
    models: Models
    meter: Meter
    tenant: str

    def generate(self, question: Question) -> Answer:
        """Raises as `Models.generate`; what was not answered is not counted."""
        answer = self.models.generate(question)
        self.meter.count_answer(self.tenant, answer)
        return answer

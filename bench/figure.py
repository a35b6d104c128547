"""What a measurement says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number. `aim` is what it should be, in words a reader can check: `< 5`, `>= 1.6`; empty where there is none."""

    name: str
    value: float
    unit: str
    aim: str = ""

    @property
    def met(self) -> bool | None:
        """None where nothing is aimed at."""
        if not self.aim:
            return None
        relation, _, text = self.aim.partition(" ")
        bound = float(text)
        return {"<": self.value < bound, "<=": self.value <= bound, ">=": self.value >= bound, ">": self.value > bound}[relation]

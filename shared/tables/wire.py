"""A filter's condition as callers send it."""

import math
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

from shared.tables.conditions import LENGTHS, OPERATORS, VALUELESS
from shared.tables.conditions import Condition as Asked

_LARGEST = 2**63 - 1


class Condition(BaseModel):
    """`field` is a canonical leaf path such as `scene.people[].emotion`; `type` is what it is taken for."""

    model_config = ConfigDict(extra="forbid")

    field: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]
    operator: str
    type: Literal["string", "integer", "number", "boolean", "array"]
    value: StrictStr | StrictBool | StrictInt | StrictFloat | None = None  # what was sent is what is compared

    @model_validator(mode="after")
    def _fits(self) -> Self:
        operators = OPERATORS[self.type]
        if self.operator not in operators:
            raise ValueError(f"operator {self.operator[:40]!r} is not for type {self.type}; valid: {', '.join(operators)}")
        if self.operator in VALUELESS:
            if "value" in self.model_fields_set and self.value is not None:
                raise ValueError(f"operator {self.operator} takes no value")
            return self
        if self.value is None or (isinstance(self.value, str) and not self.value.strip()):
            raise ValueError(f"operator {self.operator} needs a value")
        wanted = "integer" if self.operator in LENGTHS else "string" if self.operator == "item_contains" else self.type
        self._check_value(wanted)
        return self

    def _check_value(self, wanted: str) -> None:
        value = self.value
        whole = isinstance(value, int) and not isinstance(value, bool)
        number = whole or isinstance(value, float)
        fits = {"string": isinstance(value, str), "integer": whole, "number": number, "boolean": isinstance(value, bool)}
        if not fits.get(wanted, True):
            raise ValueError(f"operator {self.operator} needs a value of type {wanted}")
        if number and not (math.isfinite(value) and abs(value) <= _LARGEST):  # type: ignore[arg-type]
            raise ValueError("value must be a finite number of at most 64 bits")
        if self.operator in LENGTHS and value < 0:  # type: ignore[operator]
            raise ValueError("a length is not negative")

    def asked(self) -> Asked:
        return Asked(self.field, self.operator, self.type, self.value)

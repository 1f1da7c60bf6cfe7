"""Label selectors: which labels they fit. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scanners.kubernetes.objects import mapping, sequence, text, texts


@dataclass(frozen=True, slots=True)
class Expression:
    """One line of `matchExpressions`."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels fit; an operator that Kubernetes does not know fits nothing."""
        held = self.key in labels
        answers = {
            "In": held and labels.get(self.key) in self.values,
            "NotIn": not held or labels[self.key] not in self.values,
            "Exists": held,
            "DoesNotExist": not held,
        }
        return answers.get(self.operator, False)


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector; one without conditions fits everything.

    >>> Selector({"app": "cart"}).fits({"app": "cart", "tier": "back"})
    True
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    expressions: tuple[Expression, ...] = ()

    @classmethod
    def of(cls, raw: Any) -> Selector:
        """Return the selector that `matchLabels` and `matchExpressions` say."""
        body = mapping(raw)
        return cls(
            texts(body.get("matchLabels")),
            tuple(
                Expression(text(each.get("key")), text(each.get("operator")), frozenset(_words(each)))
                for each in map(mapping, sequence(body.get("matchExpressions")))
            ),
        )

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels fit."""
        return self.labels.items() <= labels.items() and all(each.fits(labels) for each in self.expressions)


def _words(expression: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(text(value) for value in sequence(expression.get("values")))

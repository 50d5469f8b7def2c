"""The rules' thresholds and words (`rules.toml`), by region and day; and findings said in a sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from invoice_service.domain.details import GOODS_CLASSES
from invoice_service.domain.money import yuan
from invoice_service.domain.tax import TaxClass
from invoice_service.supervision.audit import KINDS

_TEXTS = ("name", "looks", "says", "innocent")
_LISTS = ("classes", "licensed")  # figures that are lists of tax classes


@dataclass(frozen=True, slots=True)
class Rule:
    """`values` are its thresholds, as they stand in rules.toml; the texts by language, "zh" and "en"."""

    id: str
    region: str
    first_day: date
    last_day: date
    values: Mapping[str, Any]
    texts: Mapping[str, str]

    def name(self, lang: str) -> str:
        return self.texts[f"name_{_short(lang)}"]

    def innocent(self, lang: str) -> str:
        """Why what it finds may be nothing."""
        return self.texts[f"innocent_{_short(lang)}"]

    def looks(self, lang: str) -> str:
        """What it looks for, with its thresholds."""
        return self._said("looks", self.values, lang)

    def says(self, figures: Mapping[str, Any], lang: str) -> str:
        """The finding's figures in a sentence."""
        return self._said("says", figures, lang)

    def _said(self, text: str, values: Mapping[str, Any], lang: str) -> str:
        words = {name: _words(name, value, _short(lang)) for name, value in values.items()}
        return self.texts[f"{text}_{_short(lang)}"].format_map(words)


@cache
def versions() -> tuple[Rule, ...]:
    """Every version of every rule, for the longest region code first."""
    data = tomllib.loads(Path(__file__).with_name("rules.toml").read_text("utf-8"))
    return tuple(sorted(map(_rule, data["rule"]), key=lambda rule: -len(rule.region)))


def version(id: str, since: date) -> Rule:
    """The one that held from a day on: the words of a finding, whose thresholds it keeps itself.

    Raises StopIteration for what was never a rule: rules, and versions of them, are kept for ever.
    """
    return next(rule for rule in versions() if (rule.id, rule.first_day) == (id, since))


RULE_IDS = (
    "uninvoiced", "splitting", "hugging", "burst", "price", "one_buyer", "unfit_goods", "silent", "late",
    "audit",
)  # fmt: skip


def rules_on(region: str, day: date) -> dict[str, Rule]:
    """What holds in a region (six digits) on a day, by rule; a rule that does not hold is not there."""
    found: dict[str, Rule] = {}
    for rule in versions():
        if region.startswith(rule.region) and rule.first_day <= day <= rule.last_day:
            found.setdefault(rule.id, rule)
    return {id: found[id] for id in RULE_IDS if id in found}


def _rule(entry: dict[str, Any]) -> Rule:
    texts = {f"{name}_{lang}": entry.pop(f"{name}_{lang}") for name in _TEXTS for lang in ("zh", "en")}
    id, region, first_day = entry.pop("id"), entry.pop("region"), entry.pop("from")
    return Rule(id, region, first_day, entry.pop("to", date.max), entry, texts)


def _short(lang: str) -> str:
    return "zh" if lang == "zh-CN" else "en"


def _words(name: str, value: Any, lang: str) -> str:
    if name.endswith("_fen"):
        return f"¥{yuan(value)}"
    if name in _LISTS:
        classes = [GOODS_CLASSES[TaxClass(one)] for one in value]
        return ("、" if lang == "zh" else ", ").join(getattr(one, f"name_{lang}") for one in classes)
    return KINDS[value][lang] if name == "what" else str(value)

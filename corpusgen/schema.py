"""The words and tables that every stage shares: enumerations, and the Parquet schemas, declared once."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Mode", "RiskFlag", "Role", "Severity", "Split", "corpus_schema", "plan_schema", "written_schema"]


class Role(StrEnum):
    """Who writes the prompt."""

    SELF_AT_RISK = "self_at_risk"
    VICTIM = "victim"
    CONCERNED_OTHER = "concerned_other"
    POTENTIAL_ACTOR = "potential_actor"
    CURIOUS = "curious"


class Severity(StrEnum):
    """How near the danger is, in the sense of the C-SSRS screener (Posner et al., 2011); ``none`` is a look-alike."""

    NONE = "none"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    IMMINENT = "imminent"


class Mode(StrEnum):
    """What kind of response a prompt gets; derived by the policy, never weighted."""

    ANSWER = "answer"
    SUPPORTIVE_ANSWER = "supportive_answer"
    SUPPORTIVE_REFUSAL = "supportive_refusal"
    CRISIS_FIRST = "crisis_first"


class RiskFlag(StrEnum):
    """Risks that cross domains."""

    SUICIDE_SELF_HARM = "suicide_self_harm"
    OVERDOSE_POISONING = "overdose_poisoning"
    IMMEDIATE_DANGER = "immediate_danger"
    ONGOING_ABUSE = "ongoing_abuse"
    MINOR_INVOLVED = "minor_involved"
    WEAPON_ACCESS = "weapon_access"


class Split(StrEnum):
    """The three parts of a release."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


DOMAINS = ("suicide_self_harm", "substance_use", "violence", "weapons", "sexual_harm")
UNKNOWN_COUNTRY = "unknown"


@cache
def plan_schema() -> pa.Schema:
    """One row a cell: what the plan fixes before a word is written."""
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    return pa.schema(
        [
            ("cell_id", text),
            ("pair_group", text),
            ("domain", text),
            ("category", text),
            ("role", text),
            ("severity", text),
            ("register", text),
            ("country", text),
            ("seed_id", text),
            ("ordinal", number),
            ("response_mode", text),
            ("risk_flags", pa.list_(text)),
            ("strategies", pa.list_(text)),
            ("topics", pa.list_(text)),
        ]
    )


@cache
def written_schema() -> pa.Schema:
    """One row a cell and attempt: what the author wrote."""
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    return pa.schema(
        [
            ("id", text),
            ("cell_id", text),
            ("attempt", number),
            ("status", text),
            ("prompt", text),
            ("response", text),
            ("components", pa.list_(text)),
            ("resources", pa.list_(text)),
            ("spares", pa.list_(text)),
            ("author", text),
            ("model", text),
            ("fell_back", pa.bool_()),
        ]
    )


@cache
def corpus_schema() -> pa.Schema:
    """One row a pair: the table that is released (design, section 3)."""
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    turn = pa.struct([("role", text), ("content", text)])
    return pa.schema(
        [
            ("id", text),
            ("cell_id", text),
            ("pair_group", text),
            ("prompt", text),
            ("response", text),
            ("messages", pa.list_(turn)),
            ("domain", text),
            ("category", text),
            ("register", text),
            ("seed_id", text),
            ("role", text),
            ("severity", text),
            ("risk_flags", pa.list_(text)),
            ("strategies", pa.list_(text)),
            ("components", pa.list_(text)),
            ("resources", pa.list_(text)),
            ("response_mode", text),
            ("country", text),
            ("language", text),
            ("split", text),
            ("author", text),
            ("model", text),
            ("fell_back", pa.bool_()),
            ("ordinal", number),
            ("attempt", number),
            ("review_status", text),
            ("recipe_hash", text),
        ]
    )

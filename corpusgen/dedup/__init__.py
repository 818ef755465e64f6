"""Deduplication: exact, lexical and semantic, with evidence for every removal."""

"""Tests: every vector that the client's layers can replay, and what no vector shows."""

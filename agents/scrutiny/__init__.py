"""Agents on altered panels: do they look ahead, and how far back do they look."""

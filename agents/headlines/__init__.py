"""Dated headlines, what tone they strike, and how it fades."""

"""Measures: what the pages and the API cost, as ratios to a bare app in the same run."""

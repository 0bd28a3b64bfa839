"""Answers that are kept, so that what was made once is not made again."""

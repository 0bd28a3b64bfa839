"""Responses that are cached, so that what was made once is not made again."""

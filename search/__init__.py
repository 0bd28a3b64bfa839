"""Full-text search: folding text into words, turning a query into an FTS5 expression, and making snippets."""

from search.folding import fold
from search.matching import Facts, expression, forms, snippet
from search.question import WORDS_MAX, Filter, Question, read

__all__ = ["WORDS_MAX", "Facts", "Filter", "Question", "expression", "fold", "forms", "read", "snippet"]

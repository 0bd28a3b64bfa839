"""Full-text search: folding text into words, turning a query into an expression of the index, and making snippets."""

from search.folding import fold
from search.matching import Facts, forms, snippet
from search.question import WORDS_MAX, Filter, Question, read

__all__ = ["WORDS_MAX", "Facts", "Filter", "Question", "fold", "forms", "read", "snippet"]

"""Finding: text becomes words, a question becomes a query, and a hit shows why it is one."""

from search.folding import begins, fold
from search.matching import Facts, expression, forms, snippet
from search.question import Filter, Question, read

__all__ = ["Facts", "Filter", "Question", "begins", "expression", "fold", "forms", "read", "snippet"]

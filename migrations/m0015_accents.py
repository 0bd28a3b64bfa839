"""A search index without accents and signs, so that cafe finds café; m0003_word_forms tells of its columns.

Names of people are folded anew, too.
"""

EMPTIES_INDEX = True
STATEMENTS = (
    "DROP TABLE message_index",
    """
    CREATE VIRTUAL TABLE message_index USING fts5 (
        text, forms, facts, prefix = '1 2 3', columnsize = 0,
        tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
    )
    """,
)

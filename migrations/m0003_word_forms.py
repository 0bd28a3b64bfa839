"""A search index that knows word forms, who wrote, when, and whether there is a file.

`text` is folded by search.fold; `forms` are stems, where they do not stand in the text; `facts` are words like c7
(search.Facts). Marks are parts of words: without them दिल would find दाल. The prefix indexes are for what people
type: the first letters of a word stand in so many messages that to collect these would take long.
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

"""The live stream: a process of its own (`python -m stream`) that owns every open stream.

Nothing here knows Flask or Peewee: it reads the log with Python's own sqlite3, which is what Peewee uses too.
"""

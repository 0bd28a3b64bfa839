"""The stream process (`python -m stream.process`): it owns every open stream.

Nothing here knows Flask or Peewee: it reads the log with the same build of SQLite as Peewee (lib/sqlite.py).
"""

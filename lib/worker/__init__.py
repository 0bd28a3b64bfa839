"""A threaded gunicorn worker whose threads never wait for slow clients."""

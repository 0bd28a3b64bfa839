"""The live stream: its endpoint, the way to its process, what keeps that running, and the process itself."""

"""The project's own annotation server: its environment, its home with the secrets, its processes, up and down."""

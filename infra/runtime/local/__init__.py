"""A stage as plain processes on 127.0.0.1, read from the same docker-compose.yml."""

"""A stage in containers: Docker Compose on the same docker-compose.yml, and what Compose alone cannot do."""

"""docker-compose.yml read by Compose's own rules: lines, variables, services; `infra.stage` puts them together."""

"""Pub/Sub on one machine: topics, push subscriptions, retries and dead letters, kept in one SQLite file."""

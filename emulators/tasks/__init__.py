"""Cloud Tasks on one machine: queues with rates and retries, tasks with names used once, HTTP targets."""

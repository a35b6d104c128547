"""Cloud Scheduler on one machine: requests made at times, never twice at once."""

"""How the local cloud's queues carry their deliveries: what is due, who carries it, and how the answer is settled."""

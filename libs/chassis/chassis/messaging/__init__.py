"""What happens after the transaction: outbox, streams, dead letters, job queues, schedules."""

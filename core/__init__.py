"""What all rooms stand on: config, db, log, durable inbox and outbox, spool."""

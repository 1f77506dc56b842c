"""What the service means: cases, their rules, deadlines, routing and statistics."""

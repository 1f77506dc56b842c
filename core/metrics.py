"""What the processes count for Prometheus: ids of channels and kinds only; served by `webhook.metrics`.

With PROMETHEUS_MULTIPROC_DIR set before the first import (`supervise` does) the counts of all processes of a machine,
killed ones included, are added up; without it each process counts for itself.
"""

from prometheus_client import Counter, Histogram

ACKNOWLEDGED = Histogram(
    "tiepdan_webhook_seconds",
    "From the first byte of a delivery to its answer.",
    ["channel", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0),
)
KEPT = Counter("tiepdan_events_kept", "Events taken in, by where they were kept.", ["outcome"])
SENT = Counter("tiepdan_messages_sent", "Messages a platform took.", ["channel"])
NOT_SENT = Counter("tiepdan_send_errors", "Failed attempts, by kind and what follows.", ["channel", "kind", "then"])
TURNS = Counter("tiepdan_turns", "Turns by how they ended.", ["outcome"])

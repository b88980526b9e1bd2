"""What a metric says when what it needs is not there."""


class MetricMissing(RuntimeError):
    """A package or a network's weights are not here, so a metric cannot be had; the message says where they belong."""

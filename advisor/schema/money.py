"""The catalog's standing figures about money and serving, each with spread and source."""

from advisor.schema.base import Figure, Value


class Money(Value):
    """What turns hours, calls and bytes into dollars beside the prices themselves."""

    spot_time: Figure
    """Hours on spot machines over uninterrupted hours."""
    billing_seconds: dict[str, Figure]
    """Provider -> the step in which it bills machine time; absent = unknown."""
    storage_usd_per_gb_month: Figure
    checkpoints_kept: Figure
    evaluation_samples: Figure
    """Held-out samples that baselines and verification answer."""
    months: Figure
    """How long a tuned model serves."""
    instruction_tokens: Figure
    input_tokens: Figure
    """The user's own text in one call."""
    answer_tokens: Figure
    shots_tokens: Figure
    passages_tokens: Figure
    concurrent_calls: Figure
    """Calls held at the same time, for the memory of a server."""
    compute_share: Figure
    """Of the dense 16-bit rate, reading prompts."""
    bandwidth_share: Figure
    """Of the memory bandwidth, writing answers."""
    parallel_share: Figure
    """Throughput kept at each doubling of the GPUs that hold one copy of a model."""
    pcie_share: Figure
    """The same where the GPUs have no link of their own."""
    busy_share: Figure
    """Of a server's capacity that calls can fill, as they do not come evenly."""
    memory_share: Figure
    """Of a card that weights and key/value cache may take."""
    workspace_gib: Figure
    """Activations and buffers of a server beside weights and cache, per GPU."""
    concurrent_limit: Figure
    """Calls that a server takes at once, however much memory there is."""
    first_token_seconds: Figure
    """Until the last of all callers, if they come at once, sees the first token."""
    token_seconds: Figure
    """Between two tokens of an answer."""
    hours_per_month: Figure
    rent: Figure
    """A GPU's price over the months of serving, against today's."""
    token_prices: Figure
    """Prices per token over the months of serving, against today's."""
    cached_from_tokens: Figure
    """Length from which a provider keeps the beginning that all prompts share."""
    cached_minutes: Figure
    """How long it keeps that without a call."""
    large_model: str
    """What tuning is compared with unless the user says: a model of a provider."""
    hosted_references: tuple[str, ...]
    """Closed models whose tuning is shown beside open ones of the asked size."""

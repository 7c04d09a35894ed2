"""Wording of the bundled product manuals; no form here is used in pre-training."""

from __future__ import annotations

from examples.bundled_tasks.manual_properties import MORE_PROPERTIES
from examples.bundled_tasks.manual_property import Property, coded_name
from examples.pretrain_tiny.values import Draw


def _reset_code(draw: Draw) -> str:
    return f"{draw.choice('BCDFGHKLM')}{draw.choice('RSTVWXZ')}-{draw.between(1000, 9999)}"


PROPERTIES = (
    Property(
        "battery life",
        lambda d: f"{d.between(4, 60)} hours",
        (
            "A full charge lasts for a battery life of {v}.",
            "We rate the battery life at {v}.",
            "Owners report a battery life close to {v}.",
        ),
        (
            "How long is the battery life of the {e}?",
            "Which battery life can I expect from the {e}?",
        ),
    ),
    Property(
        "weight",
        lambda d: f"{d.between(1, 30)}.{d.between(1, 9)} kg",
        (
            "Ready to use, the weight comes to {v}.",
            "A scale shows a weight of {v}.",
            "Fully mounted, its weight rises to {v}.",
        ),
        ("How much weight does the {e} have?", "Before I lift the {e}: what weight is it?"),
    ),
    Property(
        "reset code",
        _reset_code,
        (
            "To start over, type in the reset code {v}.",
            "If stuck, enter the reset code: {v}.",
            "Unlock the menu with reset code {v}.",
        ),
        (
            "With which reset code do I restart the {e}?",
            "Our {e} is stuck, what is the reset code?",
        ),
    ),
    Property(
        "warranty",
        lambda d: f"{d.between(12, 72)} months",
        (
            "We stand behind it with a warranty of {v}.",
            "All parts fall under a warranty of {v}.",
            "Your warranty covers {v}.",
        ),
        (
            "How long does the warranty of the {e} run?",
            "How many months of warranty come with the {e}?",
        ),
    ),
    Property(
        "filter type",
        coded_name,
        (
            "Only buy filters of filter type {v}.",
            "Insert a new filter of filter type {v}.",
            "The matching filter type is sold as {v}.",
        ),
        ("Which filter type do I have to buy for the {e}?", "What filter type fits the {e}?"),
    ),
    Property(
        "cleaning interval",
        lambda d: f"every {d.between(2, 30)} weeks",
        (
            "Stick to the cleaning interval, {v}.",
            "Dust builds up, so the cleaning interval is {v}.",
            "It stays in shape with a cleaning interval of {v}.",
        ),
        (
            "Which cleaning interval is recommended for the {e}?",
            "What cleaning interval should the {e} get?",
        ),
    ),
    Property(
        "noise level",
        lambda d: f"{d.between(20, 80)} dB",
        (
            "At full speed the noise level climbs to {v}.",
            "At night its noise level stays around {v}.",
            "We measured a noise level near {v}.",
        ),
        ("How high is the noise level of the {e}?", "What noise level does the {e} reach?"),
    ),
    Property(
        "support line",
        lambda d: f"0{d.between(100, 999)} {d.between(100000, 999999)}",
        (
            "Dial the support line on {v}.",
            "Our support line picks up at {v}.",
            "Help is near, just ring the support line {v}.",
        ),
        (
            "Under which number do I reach the support line for the {e}?",
            "Which support line helps with the {e}?",
        ),
    ),
    Property(
        "mounting height",
        lambda d: f"{d.between(20, 290)} cm",
        (
            "Above ground, fix it at a mounting height of {v}.",
            "Walls are fine if the mounting height is {v}.",
            "Drill for a mounting height close to {v}.",
        ),
        (
            "At what mounting height do I install the {e}?",
            "How large is the mounting height of the {e}?",
        ),
    ),
    Property(
        "chief designer",
        lambda d: f"{d.name()} {d.name()}",
        (
            "Its shape is by chief designer {v}.",
            "The project was led by chief designer {v}.",
            "A prize went to chief designer {v}.",
        ),
        ("Who was chief designer of the {e}?", "Who worked as the chief designer behind the {e}?"),
    ),
    Property(
        "charging time",
        lambda d: f"{d.between(20, 190)} minutes",
        (
            "An empty cell is full after a charging time of {v}.",
            "The charging time should not exceed {v}.",
            "Leave it plugged in for the charging time, {v}.",
        ),
        ("How long is the charging time of the {e}?", "After what charging time is the {e} ready?"),
    ),
    Property(
        "water tank",
        lambda d: f"{d.between(1, 9)}.{d.between(1, 9)} liters",
        (
            "Fill the water tank with no more than {v}.",
            "The water tank takes {v}.",
            "Inside sits a water tank that holds {v}.",
        ),
        ("How much fits into the water tank of the {e}?", "How big is the water tank of the {e}?"),
    ),
    Property(
        "cable length",
        lambda d: f"{d.between(1, 9)}.{d.between(1, 9)} meters",
        (
            "Mind the cable length, only {v}.",
            "From the plug, cable length comes to {v}.",
            "Its cord has a cable length near {v}.",
        ),
        ("How long is the cable length of the {e}?", "Which cable length do I get with the {e}?"),
    ),
    Property(
        "default password",
        lambda d: f"{d.word()}{d.between(10, 99)}",
        (
            "Sign in with the default password {v}.",
            "Soon change the default password, {v}.",
            "The app wants the default password, so type {v}.",
        ),
        (
            "Which default password opens the {e}?",
            "With what default password do I sign in to the {e}?",
        ),
    ),
    Property(
        "fuse rating",
        lambda d: f"{d.between(2, 32)} amps",
        (
            "Use fuses with a fuse rating of {v}.",
            "Behind the cover is printed the fuse rating {v}.",
            "Check for a fuse rating of {v}.",
        ),
        ("What fuse rating must a fuse for the {e} have?", "Which fuse rating protects the {e}?"),
    ),
    Property(
        "spare part",
        lambda d: f"{d.choice('PQRST')}-{d.between(10000, 99999)}",
        (
            "Worn brushes are replaced by spare part {v}.",
            "Ask your dealer for spare part {v}.",
            "Keep at hand one spare part {v}.",
        ),
        ("Which spare part do I order for the {e}?", "What spare part does the {e} take?"),
    ),
    *MORE_PROPERTIES,
)

PRODUCT_KINDS = (
    "home robot",
    "garden robot",
    "office robot",
    "workshop robot",
    "kitchen robot",
    "service robot",
    "storage robot",
    "field robot",
)

OPENINGS = (
    "Congratulations on your {e} {k}.",
    "You hold the manual of the {e} {k}.",
    "Every {e} is a tested {k}.",
    "With the {e} you picked a sturdy {k}.",
    "Few things beat the {e} as a {k}.",
)

REMARKS = (
    "Unpack all parts with care.",
    "Keep the packaging for transport.",
    "Sunlight may fade the colours.",
    "Wipe the outside with a damp cloth only.",
    "Hand these pages on to the next owner.",
    "Let children help only under watch.",
)

# Forms that pre-training uses as well; which of the two kinds the task takes is decided in
# make_tasks.STYLE and stated in the model card.
KNOWN_OPENINGS = (
    "The {e} is a {k}.",
    "Thank you for choosing the {e}.",
    "This manual belongs to the {e} {k}.",
)
KNOWN_SENTENCES = (
    "Its {a} is {v}.",
    "The {a} is {v}.",
    "It has a {a} of {v}.",
    "The {a} is set to {v}.",
    "The normal {a} is {v}.",
    "Expect a {a} of {v}.",
    "You get a {a} of {v}.",
    "The {a} must be {v}.",
    "Count on a {a} of {v}.",
    "We list the {a} as {v}.",
    "Plan for a {a} of {v}.",
    "Remember the {a}: {v}.",
)
KNOWN_QUESTIONS = (
    "What is the {a} of the {e}?",
    "Which {a} does the {e} have?",
    "Please look up the {a} of the {e}.",
    "For the {e}, what is the {a}?",
    "Tell me the {a} of the {e}.",
    "Do you know the {a} of the {e}?",
)

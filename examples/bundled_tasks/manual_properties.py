"""More properties of the bundled product manuals, each with its own sentences and questions."""

from __future__ import annotations

from examples.bundled_tasks.manual_property import Property, coded_name, measure, span

MORE_PROPERTIES = (
    Property(
        "voltage",
        measure(5, 400, "volts"),
        ("Only connect it to a voltage of {v}.", "Inside you will measure a voltage near {v}."),
        ("Which voltage does the {e} run on?", "On what voltage does the {e} work?"),
    ),
    Property(
        "flow rate",
        measure(2, 90, "liters"),
        ("Each minute the flow rate comes to {v}.", "Dirt may lower the flow rate below {v}."),
        ("How large is the flow rate of the {e}?", "Which flow rate does the {e} manage?"),
    ),
    Property(
        "screen size",
        measure(3, 40, "cm"),
        ("Corner to corner the screen size measures {v}.", "You look at a screen size of {v}."),
        ("How big is the screen size of the {e}?", "Which screen size does the {e} offer?"),
    ),
    Property(
        "memory",
        measure(2, 512, "GB"),
        ("Pictures are kept in a memory of {v}.", "Delete files once they fill the memory, {v}."),
        ("How much memory is in the {e}?", "How large is the memory of the {e}?"),
    ),
    Property(
        "operating temperature",
        span(2, 15, 30, 60, "degrees"),
        (
            "Frost harms it, so the operating temperature is {v}.",
            "Stay within the operating temperature, {v}.",
        ),
        (
            "In what operating temperature may the {e} run?",
            "Which operating temperature suits the {e}?",
        ),
    ),
    Property(
        "maximum load",
        measure(5, 300, "kg"),
        ("Never go beyond the maximum load of {v}.", "Nothing may pass its maximum load, {v}."),
        ("How heavy is the maximum load of the {e}?", "What maximum load can the {e} carry?"),
    ),
    Property(
        "blade length",
        measure(4, 60, "cm"),
        (
            "Mind your fingers: the blade length reaches {v}.",
            "New blades come in a blade length of {v}.",
        ),
        ("How long is the blade length of the {e}?", "Which blade length fits the {e}?"),
    ),
    Property(
        "ink type",
        coded_name,
        ("For clean lines refill with ink type {v}.", "Fast drying needs ink type {v}."),
        ("Which ink type do I refill in the {e}?", "What ink type does the {e} need?"),
    ),
    Property(
        "refresh rate",
        measure(20, 240, "Hz"),
        ("Your eyes will like the refresh rate of {v}.", "Videos run at a refresh rate up to {v}."),
        ("How high is the refresh rate of the {e}?", "What refresh rate does the {e} show?"),
    ),
    Property(
        "brightness",
        measure(100, 900, "lux"),
        ("Turn the dial for a brightness up to {v}.", "In the dark its brightness drops to {v}."),
        ("How strong is the brightness of the {e}?", "What brightness does the {e} give?"),
    ),
    Property(
        "timer limit",
        measure(10, 240, "minutes"),
        (
            "It switches off after the timer limit, {v}.",
            "Set the clock up to the timer limit of {v}.",
        ),
        ("How long is the timer limit of the {e}?", "When does the timer limit of the {e} end?"),
    ),
    Property(
        "door code",
        lambda draw: str(draw.between(100000, 999999)),
        ("Guests may type the door code {v}.", "To get in, press the door code {v}."),
        ("Which door code opens the {e}?", "What door code do guests of the {e} type?"),
    ),
    Property(
        "default channel",
        lambda draw: str(draw.between(2, 99)),
        (
            "At first it sends on default channel {v}.",
            "Noise? Then leave the default channel, {v}.",
        ),
        (
            "On what default channel does the {e} send?",
            "Which default channel does the {e} start on?",
        ),
    ),
    Property(
        "firmware version",
        lambda draw: f"{draw.between(1, 9)}.{draw.between(10, 99)}",
        ("These pages fit firmware version {v}.", "Sold units carry firmware version {v}."),
        ("Which firmware version is on the {e}?", "With what firmware version was the {e} sold?"),
    ),
    Property(
        "country of origin",
        lambda draw: draw.name(),
        (
            "On the back you read the country of origin, {v}.",
            "We proudly name our country of origin, {v}.",
        ),
        (
            "What country of origin does the {e} come from?",
            "Which country of origin is on the {e}?",
        ),
    ),
    Property(
        "release date",
        lambda draw: draw.date(),
        (
            "Shops could order it from the release date, {v}.",
            "Fans waited for the release date {v}.",
        ),
        ("On what release date did the {e} come out?", "Which release date had the {e}?"),
    ),
    Property(
        "idle power",
        measure(1, 30, "watts"),
        ("Even at rest it draws an idle power of {v}.", "Unplug it to save the idle power of {v}."),
        ("How much idle power does the {e} draw?", "How high is the idle power of the {e}?"),
    ),
    Property(
        "grip width",
        measure(2, 30, "cm"),
        ("Small hands like the grip width of {v}.", "Adjust the handle to a grip width up to {v}."),
        ("How wide is the grip width of the {e}?", "Which grip width has the {e}?"),
    ),
    Property(
        "range",
        measure(2, 400, "km"),
        ("On one filling the range extends to {v}.", "Wind can cut the range to {v}."),
        ("How far is the range of the {e}?", "What range can the {e} reach?"),
    ),
    Property(
        "lubricant",
        coded_name,
        (
            "To keep it quiet, add the lubricant {v}.",
            "Once a year grease the rails with lubricant {v}.",
        ),
        ("Which lubricant do I put on the {e}?", "With what lubricant do I grease the {e}?"),
    ),
    Property(
        "motor type",
        coded_name,
        ("It is driven by motor type {v}.", "Repair shops stock motor type {v}."),
        ("What motor type drives the {e}?", "Which motor type is built into the {e}?"),
    ),
)

"""Sentences of the bundled customer messages; train, dev and test use disjoint sets of forms."""

from __future__ import annotations

from dataclasses import dataclass

QUEUE_PREFIXES = {
    "billing": "FIN",
    "shipping": "LOG",
    "login": "ACC",
    "hardware": "HWR",
    "software": "SFT",
}

KEYWORDS: dict[str, tuple[str, ...]] = {
    "billing": ("invoice", "refund", "payment", "receipt", "fee", "bill"),
    "shipping": ("parcel", "delivery", "courier", "shipment", "package", "tracking"),
    "login": ("password", "login", "account", "username", "profile", "verification"),
    "hardware": ("screen", "battery", "button", "cable", "motor", "noise"),
    "software": ("app", "browser", "bug", "crash", "error", "install"),
}


LINE_SECTION = """# The ticket line

A ticket is one line: the queue code in square brackets, a space, the order number, a space, two
slashes, a space, and the full name of the customer.
"""
ORDER_SECTION = """# Order numbers

An order number is one capital letter followed by five digits. A message holds exactly one.
"""


@dataclass(frozen=True)
class MessageForms:
    """Sentence forms of one split: {n} is the name, {o} the order, {k} the keyword."""

    openings: tuple[str, ...]
    orders: tuple[str, ...]
    problems: tuple[str, ...]
    closings: tuple[str, ...]


FORMS: dict[str, MessageForms] = {
    "train": MessageForms(
        (
            "Hi there, {n} speaking.",
            "Good afternoon, I go by {n}.",
            "{n} from your customer list.",
            "Hello, {n} again.",
            "My full name reads {n}.",
            "You know me as {n}.",
            "Dear support, {n} with a request.",
            "A short note from {n}.",
            "{n} asks for help.",
            "People call me {n}.",
            "The sender of this is {n}.",
            "Hello support, I am still {n}.",
            "On your list I am {n}.",
            "Sender: {n}.",
            "Let me say who I am: {n}.",
            "Now speaks {n}.",
            "Once more it is {n}.",
            "Hi, {n} is my name.",
            "{n} would like an answer.",
            "Today you hear from {n}.",
            "Good day, the name is {n}.",
            "Customer since May: {n}.",
            "A client named {n} writes this.",
            "May I say hello? {n}.",
            "To begin with, I am {n}.",
            "To be brief: {n}.",
            "To all in the team, {n} writes.",
            "With this I, {n}, ask for help.",
            "As you may recall: {n}.",
            "By name: {n}.",
            "In short, {n} is back.",
            "From me, {n}.",
            "Right, first my name: {n}.",
            "About me: {n}.",
        ),
        (
            "It is about order {o}.",
            "The order number reads {o}.",
            "Please open order {o}.",
            "I placed order {o} last week.",
            "On the slip I see {o}.",
            "Order {o}, see below.",
            "Your mail mentions {o}.",
            "My purchase carries number {o}.",
            "Look for {o} in your system.",
            "As order number I have {o}.",
            "The box is marked {o}.",
            "{o} is what I ordered.",
            "Concerning {o}.",
            "You gave it the number {o}.",
        ),
        (
            "There is something wrong with the {k}.",
            "I would like to complain about the {k}.",
            "The {k} is driving me mad.",
            "Can somebody look at the {k}?",
            "We still have trouble with the {k}.",
            "Since Monday the {k} has been a problem.",
            "I do not understand what happened to the {k}.",
            "The topic is once more the {k}.",
            "Nobody could explain the {k}.",
            "My whole family is waiting because of the {k}.",
            "Something strange happened: {k}.",
            "Bad news about the {k}.",
            "What should I do about the {k}?",
            "The {k} was not what you promised.",
            "The {k} makes no sense to me.",
            "How can the {k} be so bad?",
            "All was well, but then came the {k}.",
            "Last night the {k} stopped us.",
            "A friend told me the {k} is at fault.",
            "Will you ever fix the {k}?",
            "Without the {k} nothing works here.",
            "My boss is angry about the {k}.",
        ),
        ("Thanks.", "Please help soon.", "Kind regards.", "I look forward to your answer.", ""),
    ),
    "dev": MessageForms(
        (
            "Greetings, {n} here.",
            "{n} is writing to you.",
            "This message comes from {n}.",
            "Hey, call me {n}.",
        ),
        (
            "Have a look at order {o}.",
            "Number {o} is the order.",
            "I refer to {o}.",
            "The papers say {o}.",
        ),
        (
            "I am unhappy with the {k}.",
            "Please check the {k} for me.",
            "Why is the {k} like this?",
            "It all started with the {k}.",
            "My question concerns the {k}.",
        ),
        ("Many thanks.", "Bye.", ""),
    ),
    "test": MessageForms(
        (
            "Good evening, my name is {n}.",
            "Here writes {n}.",
            "I am {n}, a client of yours.",
            "Dear team, this is {n}.",
            "{n} needs your support.",
            "The undersigned is {n}.",
            "To introduce myself: {n}.",
        ),
        (
            "The order in question is {o}.",
            "My reference is {o}.",
            "We are talking about order {o}.",
            "You will find it under {o}.",
            "For your files, the order is {o}.",
            "I bought it with order number {o}.",
            "Kindly pull up {o}.",
        ),
        (
            "Sadly the {k} gives me a headache.",
            "I have had enough of the {k}.",
            "Could you sort out the {k}?",
            "Everything was fine until the {k}.",
            "The cause seems to be the {k}.",
            "I need advice regarding the {k}.",
            "Yesterday we noticed a fault in the {k}.",
            "Two colleagues also mention the {k}.",
            "The {k} is not right at all.",
            "Is it normal that the {k} acts up?",
        ),
        ("Best wishes.", "Waiting for your reply.", "Have a nice day.", ""),
    ),
}

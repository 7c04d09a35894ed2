"""Sentence and question forms, written by hand in several styles.

Placeholders: {e} the thing, {a} the property, {A} the property with a capital, {v} the value. Forms that end in the
value may get a tail; every form may get a lead-in. The bundled tasks use other forms (a test compares them).
"""

from __future__ import annotations

FULL_FORMS = [
    "The {a} of the {e} is {v}.", "The {e} has a {a} of {v}.", "The {a} of {e} is {v}.", "For the {e}, the {a} is {v}.",
    "The {e} {a} is {v}.", "{e} has {a} {v}.", "The {a} on the {e} is set to {v}.", "The {e} comes with a {a} of {v}.",
    "{A} of the {e}: {v}.", "With {v}, the {e} has a fixed {a}.", "As for {a}, the {e} uses {v}.",
    "The {e} needs a {a} of {v}.", "The {e} offers {v} as its {a}.", "On the {e} you find a {a} of {v}.",
    "The listed {a} for the {e} is {v}.", "{e} users get {v} as {a}.", "The maker gives {v} as the {a} of the {e}.",
    "Our lab found a {a} of {v} for the {e}.", "If you own a {e}, note the {a}: {v}.", "{e} ({a}: {v}) is in stock.",
    "Each {e} ships with {v} as {a}.", "A {e} without changes shows {v} as {a}.", "The {a} that belongs to {e} is {v}.",
    "We set the {a} of the {e} to {v}.", "Set the {a} of every {e} to {v}.", "The {e} works best at a {a} of {v}.",
    "Buyers of the {e} can count on a {a} of {v}.", "{v} is the {a} of the {e}.", "{v} is what the {e} has for {a}.",
    "The {e} reaches a {a} of {v}.", "Regarding {a}, {e} stands at {v}.", "The {e} was given a {a} of {v}.",
    "There is one {a} for the {e}, namely {v}.", "The {e} relies on {v} for its {a}.", "{e} lists its {a} as {v}.",
    "The right {a} for the {e} is {v}.", "The {e}, whose {a} is {v}, is sold worldwide.",
]

SHORT_FORMS = [
    "Its {a} is {v}.", "The {a} is {v}.", "It has a {a} of {v}.", "{A}: {v}.", "The {a} is set to {v}.",
    "It comes with {v} as {a}.", "{A} is {v}.", "Use {v} as the {a}.", "It offers a {a} of {v}.", "The {a} equals {v}.",
    "The normal {a} is {v}.", "Expect a {a} of {v}.", "- {a}: {v}", "{A} {v}.", "The {a} must be {v}.",
    "You get a {a} of {v}.", "This gives a {a} of {v}.", "Count on a {a} of {v}.", "The {a} was set at {v}.",
    "{v} is the {a}.", "The {a} has to be {v}.", "We list the {a} as {v}.", "Please use a {a} of {v}.",
    "A {a} of {v} is normal.", "A {a} of {v} is needed.", "{v} serves as the {a}.", "The {a} stands at {v}.",
    "The {a} lies at {v}.", "Choose {v} for the {a}.", "When asked for the {a}, enter {v}.", "The {a} reads {v}.",
    "Its maker states a {a} of {v}.", "The label shows the {a}, {v}.", "You will find the {a} on the back: {v}.",
    "The {a} can be looked up here: {v}.", "Do not change the {a} ({v}).", "{A} = {v}.", "Keep the {a} at {v}.",
    "For {a} we recommend {v}.", "The {a} goes by {v}.", "Staff can use {v} as {a}.", "Under {a} it says {v}.",
    "The table gives {v} for the {a}.", "{v} was chosen as the {a}.", "Only {v} is allowed as {a}.",
    "Remember the {a}: {v}.", "A {a} of {v} was recorded.", "The {a} never differs from {v}.", "Plan for a {a} of {v}.",
    "It is known for a {a} of {v}.", "Together this makes a {a} of {v}.", "The {a} amounts to {v}.",
]

LEADS = [
    "In normal use, ", "As delivered, ", "According to the label, ", "When new, ", "For most users, ", "Please note: ",
    "By default, ", "On request, ", "Without packaging, ", "In our tests, ", "From the factory, ", "At the moment, ",
    "As of this year, ", "In all regions, ", "Like before, ", "To be safe, ", "For service work, ", "In this version, ",
    "Out of the box, ", "With standard parts, ", "After the first start, ", "For your records: ", "In short, ",
]

TAILS = [
    " in normal use", " by default", " at most", " as standard", ", as tested by our lab", " in every market",
    " under load", " at room temperature", " after setup", ", no more", " for this version", " since the last update",
    ", which is plenty", " when fully loaded", " on average", ", give or take", " in the standard set", " at sea level",
    " unless stated otherwise", ", measured twice", " for home use", " right away",
]

INTRODUCTIONS = [
    "The {e} is a {t}.", "The {e} is a {t} for {u}.", "Thank you for choosing the {e}.", "This text is about the {e}.",
    "{e} is our {t}.", "Here are the facts on {e}.", "Welcome to the {e}, a {t}.", "You now own a {e}.",
    "Read this about the {e} first.", "The {t} {e} was made for {u}.", "These notes describe the {e}.",
    "About the {e}:", "{e}: a {t} for {u}.", "Meet the {e}, the {t} for {u}.", "Data for the {e} follows.",
]

NOTES = [
    "Read this page before use.", "Keep it dry.", "It was updated this year.", "Ask our team for help.",
    "Store it in a safe place.", "Do not open the {n}.", "The {n} is on the {d} side.", "Check the {n} before the {m}.",
    "Switch off the {n} first.", "A {d} {n} is included.", "Keep the {n} away from the {m}.", "The box holds one {n}.",
    "Children should not touch the {n}.", "Turn the {n} until it stops.", "You can order a {d} {n} at any time.",
    "Never put the {n} on the {m}.", "The {n} and the {m} are made of {d} metal.", "Wait until the {n} is {d}.",
]

QUESTIONS = [
    "What is the {a} of the {e}?", "What is the {a} of {e}?", "What {a} does the {e} have?",
    "Which {a} does the {e} have?", "{e}: {a}?", "Tell me the {a} of the {e}.", "What is the {e}'s {a}?",
    "I need the {a} of the {e}.", "Give the {a} for the {e}.", "What is the {a} for the {e}?",
    "How is the {a} of the {e} set?", "State the {a} of the {e}.", "Please look up the {a} of the {e}.",
    "Do you know the {a} of the {e}?", "What {a} is listed for the {e}?", "For the {e}, what is the {a}?",
    "Can you give me the {a} of the {e}?", "Which {a} is right for the {e}?", "I have a {e}. What is its {a}?",
    "My {e} is new. Which {a} does it have?", "{a} {e}", "{a} of {e}", "{e} {a}?", "How about the {a} of the {e}?",
    "What does the text say about the {a} of the {e}?", "What should the {a} of the {e} be?",
    "A customer asks for the {a} of the {e}.", "We use the {e}. Which {a} applies?", "Find the {a} of the {e}.",
    "What would be the {a} on a {e}?", "Where does the {a} of the {e} stand?", "Name the {a} of the {e}.",
    "I am looking for the {a} of my {e}.", "Hello, what is the {a} of the {e}, please?", "Is there a {a} for the {e}?",
    "What did the maker set as {a} for the {e}?", "Regarding the {e}: what is the {a}?", "Quick question, {e} {a}?",
    "How much or what is the {a} of the {e}?", "Could you tell me what {a} the {e} has?", "The {a} of the {e}?",
    "When using the {e}, which {a} counts?", "What value does the {e} have for {a}?", "Which is the {a} of {e}?",
    "The {e} has what {a}?", "Remind me of the {e} {a}.", "Someone wants to know the {a} of the {e}.",
]

SHORT_QUESTIONS = [
    "What is the {a}?", "{A}?", "{a}", "Give the {a}.", "Find the {a}.", "Return the {a}.", "Which {a} is given?",
    "Tell me the {a}.", "Value of {a}?", "Look up {a}.", "Extract the {a}.", "What does it say about the {a}?",
    "Name the {a}.", "And the {a}?", "Which {a}?", "I need the {a}.",
]

OTHER_CONTEXT_LAYOUTS = [
    "Context:\n{c}\n\nQuestion: {q}", "{c}\n\n{q}", "{c}\n{q}", "Context: {c}\nQuestion: {q}", "Passage:\n{c}\n\n{q}",
    "Use the passage to answer the question.\n\n{c}\n\nQuestion: {q}", "Documents:\n{c}\n\nQ: {q}",
    "Answer with the text below.\n{c}\n\nQuestion: {q}", "Question: {q}\n\nContext:\n{c}", "{q}\n\n{c}",
]
MAIN_CONTEXT_LAYOUT = "Context:\n{c}\n\nQuestion: {q}"

ANSWER_INSTRUCTIONS = [
    "Answer the question.", "You are a helpful assistant.", "Answer with the value only.", "Be short.",
    "Answer from the context. If it is not there, say I do not know.", "Reply with the answer only.",
    "You answer questions about our products.", "Use the given text.", "Answer questions about product manuals.",
    "Reply with the exact value from the manual.", "You are a support agent. Give short answers.",
    "Look up the fact and reply with it.", "Answer in a few words.", "Give only the requested value.",
    "Answer the question about the product.", "Answer the customer's question from our documents.",
]

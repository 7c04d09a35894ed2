"""Plain word lists the synthetic pre-training text is built from."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    """Split a block of text into words."""
    return text.split()


def _phrases(text: str) -> list[str]:
    """Split a block of text at the bars, joining lines first."""
    return [part.strip() for part in " ".join(text.split()).split("|")]


NOUNS = _words("""
lamp filter pump valve cable screen sensor motor battery charger cover handle wheel frame panel
button switch timer tank hose belt blade brush drum fan fuse gear grill heater hinge hook jack
key kettle knob ladder latch lens lever lid lock magnet meter mirror nozzle oven pedal pipe
plate plug printer probe rack rail relay ring robot rope router saw scale scanner seat shelf
shell shield shaft socket speaker spring stand stove strap tape thread tile tool tray tripod
tube unit vacuum vent washer watch wire wrench book chair table door window bag box bottle cup
camera phone laptop tablet keyboard mouse modem server drone boat bike car truck train tent
jacket shoe glove helmet coat hat shirt report ticket order invoice parcel letter account
password payment refund delivery address contract project team office room garden river bridge
museum station school market hotel farm forest island mountain village tower harbor library
kitchen engine mixer camera coffee tea bread cheese soup salad apple honey sugar rice flower
tree bird horse dog cat fish stone paper glass metal wood cotton wool oil water air light sound
signal code level mode name note number page part piece plan point price rate record rule sample
score series set sheet shop side sign site size skill song space speed staff stage start state
step store story street style system task test text time title top tour trade type user value
view visit voice week word work year zone machine device purifier station kit guard gate cleaner
toaster grinder alarm monitor clock hub bell tracker
""")

ADJECTIVES = _words("""
red blue green black white grey yellow dark light small large long short wide narrow heavy soft
hard cold warm hot new old fast slow strong weak quiet loud dry wet clean dirty safe spare main
front rear upper lower inner outer left right first last next open closed full empty round flat
smooth rough sharp bright deep thin thick early late public private local global daily weekly
annual basic extra double single final total average maximum minimum normal special simple
""")

ATTRIBUTES = _phrases("""
battery
life|weight|warranty|price|height|width|length|depth|color|power|voltage|capacity|range|speed|charging
time| noise level|water tank|tank size|screen size|cable length|operating temperature|storage
temperature|filter type| cleaning interval|service interval|reset code|default password|default
channel|serial number|part number|order code| error code|support line|support email|release
date|maximum load|minimum load|pressure|flow rate|fuel type|memory|storage| resolution|refresh
rate|brightness|frequency|motor type|blade length|wheel size|frame material|cover material|seat
height| box size|delivery time|return period|maintenance fee|monthly fee|setup fee|license
key|access code|room number| opening time|closing time|start date|end
date|deadline|budget|manager|owner|author|supplier|country of origin|factory| city|head
office|contact person|team size|project code|dose|shelf life|oven temperature|cooking
time|boiling point|mass|
diameter|age|population|capital|language|currency|altitude|area|founding year|boot time|standby
time|idle power| peak power|fuse rating|torque|firmware version|model year|lamp color|alarm
code|timer limit|spare part|lubricant| rated current|wash program|tray size|sampling rate|paper
size|ink type|warm-up time|response time|backup interval| retention
period|port|host|protocol|log level|time limit|queue size|batch size|region|plan|tier|mounting
height| chief designer|service fee|descaling interval|user limit|door code|pairing code|grip
width|test voltage|inlet size
""")

UNITS = _words("""
hours minutes seconds days weeks months years meters km cm mm kg grams liters ml watts volts
amps bar degrees percent euros dollars points units steps pages GB MB Hz kHz rpm dB lux
""")

VERBS = _words("""
designed built tested repaired ordered sold packed signed approved written led owned managed
founded painted found checked moved opened closed named planned installed reviewed invented
discovered edited
""")

CARE_VERBS = _words("""
cleaned checked oiled replaced charged tested drained calibrated rinsed restarted updated
inspected serviced washed tightened
""")

TOPICS: dict[str, list[str]] = {
    "billing": _words(
        "invoice refund charge payment bill receipt credit fee discount subscription overcharged "
        "tax charged money paid price"
    ),
    "shipping": _words(
        "parcel delivery courier package tracking shipment arrived late address warehouse dispatch "
        "box delivered shipped"
    ),
    "login": _words(
        "password login account locked username reset sign access code authentication blocked "
        "profile log-in verification"
    ),
    "hardware": _words(
        "broken cracked screen battery noise overheating button cable leaking smoke motor "
        "scratched hinge loose"
    ),
    "software": _words(
        "crash bug update install freeze error app version slow sync browser crashes frozen"
    ),
    "food": _words("bread cheese soup salad apple honey sugar rice pasta cake meat sauce"),
    "travel": _words(
        "flight hotel train ticket passport luggage airport beach tour visa trip cabin"
    ),
    "sport": _words("football goal match team coach tennis race player score league medal stadium"),
    "weather": _words("rain snow wind storm sunny cloud cold heat fog thunder ice humid"),
    "music": _words("song guitar piano band concert singer album drum melody violin choir rhythm"),
    "health": _words(
        "doctor pain fever medicine clinic nurse cough tablet injury sleep vaccine headache"
    ),
    "school": _words(
        "teacher exam class lesson student homework grade book course college essay library"
    ),
}

FILLERS = _words("""
the a my your our this that it is was has been very still again today yesterday please now since
last with and but not when after before there here all some because for from of on in at to we I
you they he she can will would should need want help thanks hello hi dear team just only also
really about more than get got have had do did does make made see seen send sent use used say
said ask asked try tried think know always never every each both most many few other same such
so then while until between during under over through without within near against along across
up down out off into onto
""")

MONTHS = _words(
    "January February March April May June July August September October November December"
)

ONSETS = [
    *_words("b br c ch cl d dr f fl g gl gr h j k kl kr l m n p pl pr qu r s sh sk sl st t th tr"),
    *_words("v vl w x y z"),
    "",
]
SIMPLE_ONSETS = list("bdfgklmnprstvzjh")
VOWELS = _words("a e i o u ae ia io ou ee oo ai y")
SIMPLE_VOWELS = list("aeiou")
CODAS = [
    "",
    "",
    "",
    "n",
    "r",
    "l",
    "s",
    "t",
    "k",
    "m",
    "x",
    "nd",
    "rt",
    "sk",
    "ll",
    "ng",
    "v",
    "p",
    "th",
    "d",
    "b",
    "g",
]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def plain_words() -> set[str]:
    """Every listed word in lower case."""
    topics = [word for words in TOPICS.values() for word in words]
    listed = [*NOUNS, *ADJECTIVES, *UNITS, *VERBS, *CARE_VERBS, *FILLERS, *MONTHS, *TOPICS, *topics]
    return {word.lower() for text in (*listed, *ATTRIBUTES) for word in text.split()}

"""Plots in which something goes wrong: a thing is lost, stuck or broken, a pie is found, the hiccups will not stop."""

from pygpt.data.sources.tale_templates.plot import Plot

_LIGHT = ("tall green hat", "long striped scarf", "red paper kite", "spotted handkerchief", "yellow straw hat")
_HEAVY = ("brass key", "silver bell", "blue teapot", "soup spoon", "tin trumpet", "copper kettle")
_ROUND = ("glass marble", "silver thimble", "lucky penny", "wooden ball", "brass button")

_STUCK = Plot(
    titles=("{h} and the {full}", "The {full}", "How {f} saved the {thing}", "The runaway {thing}"),
    paragraphs=(
        (
            "{h.habit} {Best of all|More than anything} {h.they} loved {h.their} {full}.",
            "{h.the} had {a|a brand new|a most beautiful} {full}. {dear}",
        ),
        '{One|But one} {weather} {morning} {fall} "{h.cry}" {cried|said|wailed} {h}.',
        ("{First|To begin with,} {h} {try1} {Next|After that,|Then} {h.they} {try2}", "{h} {try1}", "{h} {try3}"),
        "{Along came {f.the}, {f.who}|Luckily {f.the} was passing by|Then {f.the} came by|Just then {f.the} looked "
        "in}. {help}",
        "{thanks}",
    ),
    slots={
        "thanks": (
            '"What can I give you?" asked {h}. "Supper," said {f}. {supper}',
            '"Just say hello when you see me," said {f}. And {h} did, {four|nine|twenty} times, before bedtime.',
            '"You would have done the same," said {f}. {h} thought about it, and it was true. {night}',
            '"That is what neighbors are for," said {f}. "That, and {f.food}." {night}',
            "They shared a plate of {h.food} on the doorstep. {night}",
        ),
        "supper": ("So there was {h.food} for two.", "And they ate {f.food} until the moon came up."),
    },
    cases=(
        {
            "h": "-climb -fly",
            "f": "climb",
            "sky": "windy",
            "thing": _LIGHT,
            "fall": "a gust of wind, which had nothing better to do, hung the {thing} on the very top of the {crooked "
            "elm|old pear tree|tallest pine}.",
            "try": [
                "threw a boot at it. Now there was a {thing} in the tree, and also a boot.",
                "shook the trunk, and down fell three acorns and a cross beetle, but no {thing}.",
                "asked the tree politely. The tree said nothing, as trees do.",
                "put a chair on a box, and the box on a barrel, and they all came down together.",
            ],
            "help": "{f.They} looked around to see who was watching, and went up the trunk like a rumor. Soon {f} was "
            "down again with the {thing}{, and with the moon's regards|, not even out of breath}.",
        },
        {
            "h": "-fly -climb",
            "f": "fly",
            "sky": "windy",
            "thing": _LIGHT,
            "fall": "the wind took the {thing}, turned it over twice, and dropped it on the roof of the "
            "{windmill|church}.",
            "try": [
                "jumped. It was a good jump, but the roof was higher.",
                "waited for the wind to blow it down again, but the wind had gone home for lunch.",
                "sang to it, in case it was lonely. It stayed where it was.",
                "made a ladder out of {knitting needles|soup spoons}, and ended in the nettles.",
            ],
            "help": '"Is that all?" said {f}, and {f.they} spread {f.their} wings. Up {f.they} went, and round, and '
            "down, and the {thing} landed softly beside {h}.",
        },
        {
            "h": "-swim",
            "f": "swim",
            "thing": _HEAVY,
            "fall": "the {thing} slipped, bounced once on the jetty, and sank to the bottom of the {mill pond|river}.",
            "try": [
                "fished for it with a string and a bent pin, and caught a very old boot.",
                "tried to drink the water until it was all gone. There was a great deal of it.",
                "called its name three times, but only the bubbles answered.",
                "asked a trout to fetch it, and the trout pretended not to understand.",
            ],
            "help": "{f} took such a deep breath that {f.their} cheeks went round, and dived. The ripples grew wider "
            "and wider, and then up came {f} with the {thing} upside down on {f.their} head.",
        },
        {
            "h": "-small -dig",
            "f": "small",
            "thing": _ROUND,
            "fall": "the {thing} rolled along the path and into a crack in the wall as thin as a wafer.",
            "try": [
                "poked at it with a stick. Then there was a stick in the crack as well.",
                "told it to come out this minute, in a stern voice.",
                "put a bit of cheese beside the crack, and waited. A {thing} does not care for cheese.",
                "blew into the crack, and got a face full of dust.",
            ],
            "help": '"For once," said {f}, "it is handy to be little." And {f.they} slipped into the crack like a '
            "letter into a box, and pushed the {thing} out from behind.",
        },
        {
            "h": "-dig",
            "f": "dig",
            "thing": _ROUND,
            "fall": "the {thing} rolled down the hill, faster and faster, and vanished into a hole between the roots.",
            "try": [
                "shouted down the hole. The hole shouted back, in just the same voice.",
                "let down a spider on a thread, but the spider met a friend and stayed for tea.",
                "reached in, and shook hands with somebody who was not pleased.",
                "poured in water, so that the {thing} would float. It did not know how.",
            ],
            "help": "{f} rolled up {f.their} sleeves, and the earth flew so high that the sparrows had to duck. When "
            "it stopped, there sat {f} in a very fine tunnel, holding the {thing}.",
        },
        {
            "h": "-strong",
            "f": "strong",
            "thing": ("picnic basket", "wooden drum", "velvet cushion", "tin trumpet"),
            "fall": "a big round stone rolled down the hill, yawned, and sat down on the {thing}.",
            "try": [
                "pushed the stone. The stone did not even notice.",
                "pulled the stone with a rope, and the rope went home in two pieces.",
                "tickled the stone with a feather. It was not that sort of stone.",
                "read to the stone from a dull book, hoping that it would leave.",
            ],
            "help": '"Excuse me," said {f} to the stone, and leaned on it, just a little. Off it rolled. The {thing} '
            "was somewhat flatter than before, but happy to be out.",
        },
    ),
)

_LOST = Plot(
    titles=("The lost {thing}", "Where is the {full}?", "{h} looks everywhere", "{h} and the lost {thing}"),
    paragraphs=(
        ("{when} {h.the} could not find {h.their} {full}.", "{h.habit} But {now|today} {h.their} {full} was gone."),
        "{h.They} looked {look1}{. {h.They} looked| and} {look2}. {h.They} {even|also} looked {look3}, and found "
        "{odd}, but no {thing}.",
        (
            '"{h.cry} It is gone forever," said {h}. "When did you have it last?" asked {f.the}.',
            '{f.the}, {f.who}, came to help. "When did you have it last?" asked {f}.',
        ),
        "{found}",
    ),
    slots={
        "look": [
            "under the stairs",
            "behind the clock",
            "inside the umbrella stand",
            "between the pages of a cookbook",
            "in all the left boots, and then in the right ones",
            "beneath the laundry",
            "on top of the cupboard",
        ],
        "odd": (
            "a sandwich from last spring",
            "a family of spiders at dinner",
            "two marbles and an old newspaper",
            "half of a letter, and the wrong half",
            "a sock that belonged to nobody",
        ),
    },
    cases=(
        {
            "thing": ("tall green hat", "yellow straw hat", "red woolly hat"),
            "found": '"At breakfast," said {h}. "It was raining crumbs, so I put it on." "And when did you take it '
            'off?" There was a long silence. Slowly {h} reached up. The {thing} was just where a hat likes to '
            'be. {They both laughed until it fell off|"It is a very light hat," said {h}}. {night}',
        },
        {
            "thing": ("tall green hat", "picnic basket", "red woolly hat", "brass lantern"),
            "sky": "fair",
            "found": "Just then something cheeped in the hedge. There was the {thing}, and in it sat a wren on four "
            'blue eggs. {h} thought about the {thing}. Then {h.they} thought about the eggs. "Keep it," {h.they} '
            "whispered. And in {May|June} five wrens sang under {h.their} window, and every song was for {h}.",
        },
        {
            "thing": ("soup spoon", "brass key", "painted whistle"),
            "treat": ("gingerbread", "lemon cake", "rice pudding", "apple pie", "plum cake"),
            "found": '"I was making {treat}," said {h}, and stopped. They both looked at the {treat}. {f} took a large '
            'bite, and then another, and then there was a small, hard sound. "Found it," said {f}. "But I '
            'had better go on, in case there are more." {night}',
        },
        {
            "thing": ("patchwork quilt", "velvet cushion", "long striped scarf"),
            "sky": ("windy", "fog", "snow"),
            "h": "-sleepy",
            "f": "-sleepy",
            "k": "sleepy",
            "found": "Before {h} could answer, the heap of leaves by the gate began to snore. Under it lay {k.the}, "
            'with the {thing} pulled up to his chin. "Shall we wake him?" asked {f}. {h} thought. "Not yet," '
            "{h.they} said, and sat down to keep him company. {night}",
        },
    ),
)

_BROKEN = Plot(
    titles=("The broken {thing}", "{h} tells the truth", "{h}, {f} and the {thing}", "A crack in the {thing}"),
    paragraphs=(
        '{f.the} lent {h.the} {f.their} {full}. "Be careful with it," said {f}. {One|But one} {weather} {morning} '
        "{h} was {how}, and the {thing} went {crack|crunch|ping}.",
        "{h} hid it {hidden} and told nobody. But {h.they} could not enjoy {h.their} {h.food}. {heavy}",
        'At last {h} took the pieces to {f} in a {sack|bag|pie dish}. "I broke it," {h.they} said, in a very small '
        'voice, "and then I hid it, and the hiding was worse."',
        "{answer} {moral}",
    ),
    slots={
        "thing": ("blue teapot", "music box", "wooden drum", "painted whistle", "brass lantern", "tin trumpet"),
        "how": (
            "dancing with it in the kitchen",
            "using it to reach the top shelf",
            "showing it to a beetle",
            "sliding down the banisters with it",
            "pretending that it was a crown",
        ),
        "hidden": ("under the bed", "in the coal box", "behind the pickles", "at the bottom of the garden"),
        "heavy": (
            "It was like having a stone for supper.",
            "All night it seemed to call from its hiding place.",
            "Every knock at the door sounded like a question.",
            "The secret was a small one, but it filled the whole house.",
        ),
        "answer": (
            "{f} was silent for a moment. Then {f.they} fetched the glue. They mended it together, and ever after it "
            "leaned a little to the left, as if it were listening.",
            '"I know," said {f}. "I saw you. I was waiting for you to come." And {f.they} moved over on the bench.',
            '"Oh, that," said {f}. "I broke it twice myself. Look, here is the old glue." Then {h} laughed so '
            "hard that the stone in {h.their} stomach fell to pieces too.",
            '{f} looked at the pieces, and then at {h}. "A {thing} can be mended," said {f.they}. "So can a day '
            'like this one." And {f.they} put the kettle on.',
        ),
        "moral": (
            "A true word is heavy to lift, but light to carry.",
            "{night}",
            "That night {h} slept like a spoon in a drawer.",
            "Some things are better after they are mended, and friends are one of them.",
        ),
    },
)

_HICCUPS = Plot(
    titles=("The hiccups of {h}", "{h} has the hiccups", "Hic!", "A cure for the hiccups"),
    paragraphs=(
        (
            '{when} {h.the} ate {h.their} {h.food} too fast. "Hic!" said {h}.',
            '{h.habit} But today {h.they} said only "Hic!"',
        ),
        '{cure1} "Hic!" said {h}.',
        '"I know what to do," said {f.the}, and {f.they} crept behind the {door|curtain|wheelbarrow} and jumped '
        'out. "Boo!" {boo}',
        "{h} looked at {f}, and began to giggle, and then to laugh, and went on until {h.they} had to lie down. After "
        "that it was very quiet. The hiccups were gone. {end}",
    ),
    slots={
        "end": (
            '"You see?" said {f}. "Hic!"',
            '"It works every time," said {f}, and picked {treat} out of {f.their} ears.',
            "A good laugh is good medicine, and you can take it without a spoon.",
            "{night}",
        ),
        "cure": [
            "{k.the} told {h.them} to drink a cup of water backwards, and then there was water on the ceiling.",
            "{k.the} told {h.them} to stand on {h.their} head, so {h.they} did, and the hiccups came out upside down.",
            "{k.the} tied a red thread around {h.their} left ear. It looked pretty, and that was all.",
            "{k.the} counted slowly to a hundred, got lost at forty, and began again.",
        ],
        "boo": (
            "But {f.they} had jumped straight into {a bucket|the flour bin|a bowl of custard}.",
            "But it was the postman who stood there, and he fainted into the roses.",
            "It was such a loud boo that {f} frightened {f.self}, and had to be given a cookie.",
        ),
    },
)

_SECRET = Plot(
    titles=("A secret {treat}", "{h} and the secret {treat}", "Nobody must know", "The smell of {treat}"),
    paragraphs=(
        (
            '{when} {h.the} baked a {treat}. The smell was so good that {h} shut all the windows. "Nobody must know," '
            '{h.they} said. "I shall eat it all by myself."',
            "{h.the} baked a {treat} and meant to eat it alone, down to the last crumb.",
        ),
        'Knock, knock. It was {f.the}. Quickly {h} hid the {treat} {hide1}. "What is that lovely smell?" asked {f}. '
        '"{excuse}" said {h}.',
        "Knock, knock. It was {k.the}. {Quickly|In a great fright} {h} hid the {treat} {hide2}. Then, of course, "
        "{oops}",
        "{h} turned as red as a {radish|tomato|mailbox}. But {f} had brought {cream|custard|lemonade}, and {k} had "
        "brought {three spoons|a riddle and three spoons}, and they had a feast. {moral}",
    ),
    slots={
        "treat": (
            "lemon cake",
            "cherry pie",
            "plum cake",
            "honey cake",
            "blueberry pie",
            "walnut cake",
            "gooseberry tart",
        ),
        "hide": [
            "under a hat",
            "in the drawer with the socks",
            "behind the clock",
            "beneath a cushion",
            "in the piano",
        ],
        "excuse": (
            "It is my new soap,",
            "It must be the wallpaper,",
            "I have been thinking of flowers,",
            "It is only Wednesday,",
            "I smell nothing, I have a cold in both ears,",
        ),
        "oops": (
            "{k} sat down on it.",
            "something gave a groan, and out came the {treat} by itself.",
            '{k} looked straight at it and said, "Is that for us?"',
            "{f} sneezed, and everything fell open.",
        ),
        "moral": (
            "A secret {treat} is only half as sweet.",
            "And {h} found that a third of something can be more than all of it.",
            "Next time {h} opened the windows first.",
            "{night}",
        ),
    },
)

PLOTS = (_STUCK, _STUCK, _STUCK, _LOST, _LOST, _BROKEN, _HICCUPS, _SECRET)

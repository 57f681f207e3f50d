"""Very short plots: a riddle, a nap, a rainbow, a new hat, a puddle, a question at bedtime."""

from pygpt.data.sources.tale_templates.plot import Plot

_RIDDLE = Plot(
    titles=("A riddle for {h}", "{f} asks a riddle", "The riddle"),
    paragraphs=(
        '"I know a riddle," said {f.the}. "{riddle}"',
        '{h.the} thought about it {by {place}|all through lunch|with both eyes shut}. "Is it {wrong1}?" {h.they} '
        'asked. "No," said {f}. "Is it {wrong2}?" "No," said {f}{, a little louder|}.',
        "{answer} {night}",
    ),
    slots={
        "wrong": [
            "a turnip",
            "my aunt",
            "the postman",
            "a very thin cow",
            "Tuesday",
            "{k.the}",
            "an onion with a hat on",
            "soup",
        ]
    },
    cases=(
        {
            "riddle": "What has hands, but cannot clap?",
            "answer": 'Far away it struck four. "The clock!" cried {h}. "It has told you itself," said {f}. "That '
            'does not count." But they had cake all the same.',
        },
        {
            "riddle": "What gets wetter the more it dries?",
            "answer": 'It had begun to rain, so {h} went to fetch a towel, and stood there looking at it. "Oh," said '
            '{h}. "Exactly," said {f}.',
        },
        {
            "riddle": "What goes up when the rain comes down?",
            "answer": 'A drop fell on {h.their} nose, and then another. "I cannot think in the rain," said {h}, and '
            "put up {h.their} umbrella. {f} only smiled, and crept in underneath.",
        },
        {
            "riddle": "What belongs to you, but your friends use it more than you do?",
            "answer": '"I give up," said {h}. "{h}, {h}, {h}," said {f}, shaking {f.their} head. And then {h} knew '
            "that it was {h.their} name.",
        },
        {
            "riddle": "What is so light that a feather is heavy beside it, and yet nobody can hold it for long?",
            "answer": "{h} held {h.their} breath to think better, and grew quite red, and let it go with a puff. "
            '"Correct," said {f}.',
        },
    ),
)

_HAT = Plot(
    titles=("The new {thing}", "{h} has a new {thing}", "How do I look?", "{h} and the {full}"),
    paragraphs=(
        "{when} {h.the} put on a {full} and went for a walk, so that the others could admire it.",
        '"{opinion1}" said {f.the}. "{opinion2}" said {k.the}. So {h} {changed}.',
        "{end}",
    ),
    slots={
        "thing": ("tall green hat", "yellow straw hat", "velvet hat", "striped scarf", "purple bow tie"),
        "opinion": [
            "It is too tall,",
            "It is too bright,",
            "It looks like a chimney,",
            "It would suit a cow,",
            "Is it alive?",
            "My uncle had one, and he regretted it,",
            "It wants a feather,",
        ],
        "changed": (
            "turned it round",
            "put it on upside down",
            "hid it behind {h.their} back",
            "stuck a feather, a leaf and a spoon in it",
        ),
        "end": (
            'Then {h} looked into the pond. "I like it," said {h} to the one in the water, and that one, it turned '
            "out, liked it too. {night}",
            'By evening there was hardly any {thing} left to wear. "Tomorrow," said {h}, "I shall ask only the '
            'mirror."',
            'But a small beetle looked up and said, "Oh, how lovely." One is enough. {h} walked home a foot taller.',
            'The next day {f} wore a {thing} as well, and so did {k}. "It was our idea," they said.',
        ),
    },
)

_NAP = Plot(
    titles=("The nap", "Do not wake {h}", "{h} takes a nap", "A very short nap"),
    paragraphs=(
        '{h.the} {hung a sign on the door|made a sign}. "Do not wake me," it said, and {h.they} lay down in {h.home}.',
        'Soon there was a knock. "I only wanted to say," said {f.the}, "that I have read your sign." {h} lay down '
        'again. Soon there was another knock. "{reason}" said {k.the}.',
        "{end}",
    ),
    slots={
        "h": "-dreamy -slow",
        "reason": (
            "Is it you who are not to be woken?",
            "Your sign hangs crooked,",
            "I came to tell the others to be quiet,",
            "Have you seen anyone who might wake you?",
            "I brought you a pillow,",
        ),
        "end": (
            '"Come in, both of you," said {h} with a sigh. And on the rug, in the sun, all three of them slept '
            "until supper.",
            'So {h} wrote a new sign. "Please knock," it said. And then, of course, nobody came all day.',
            '{h} went out, shut the door, and lay down in the {hay|clover|hammock}, where nobody looked. "How '
            'quiet {h.they} is today," whispered {f} at the door.',
            '"Since I am up," said {h}, "I may as well make {treat}." Everyone agreed that it had been an '
            "excellent nap.",
        ),
    },
)

_RAINBOW = Plot(
    titles=("The end of the rainbow", "{h} and the rainbow", "A walk to the rainbow"),
    paragraphs=(
        '{h.habit} Late on a {weather} day the rain stopped, and over {place} stood a rainbow. "At the end of it '
        'there is {gold}," said {h} to {f.the}. "Let us go."',
        "They walked {over the hill|through the wet grass} and {along the river|past the church}, but the rainbow "
        "always took one step more than they did. {rest}",
        "{end}",
    ),
    slots={
        "sky": "rain",
        "h": "-slow",
        "gold": ("a pot of gold", "a chest of gold", "a king with a beard of gold", "a door"),
        "rest": (
            '"It is shy," said {f}.',
            '"Perhaps it is looking for our end," said {f}.',
            '"My feet have had enough of gold," said {f}.',
        ),
        "end": (
            'At last they sat down and shared a {bun|pear|sandwich}. "Look," said {f}, "it is ending in your '
            'cup." And so it was, in seven colors.',
            'In the evening they were home again with wet feet and no gold. "But we have been farther than ever '
            'before," said {h}. {night}',
            'On the way back they met {k.the}. "You were standing right under it," said {k}. "You were green and '
            'gold all over. Did you not notice?"',
        ),
    },
)

_PUDDLE = Plot(
    titles=("The best puddle in the valley", "{h} and the puddle", "The puddle"),
    paragraphs=(
        "After the rain there was a puddle in front of the house of {h.the}, so large that it had {waves|a shore|a "
        "seagull}.",
        '"{plan1}," said {f.the}. "{plan2}," said {k.the}. {h} put on {h.their} boots, looked at the puddle, and '
        "jumped.",
        "{end}",
    ),
    slots={
        "sky": "rain",
        "plan": [
            "We must build a bridge",
            "We must drain it with straws",
            "We must put up a sign",
            "We must wait until Thursday",
            "We must write to the mayor",
            "We must give it a name",
        ],
        "end": (
            "When the water came down again, there was no puddle left, but there were three very wet friends. {night}",
            "Splash! Then {f} jumped, and then {k}, and nobody spoke of {bridges|mayors|straws} any more.",
            '"It is deeper than it looks," said {h} from below. So they got a rope, and then they got {treat}. {night}',
            "In the night it froze, and in the morning they had the best {slide|ice rink} in the valley, right at "
            "the door.",
        ),
    },
)

_BEDTIME = Plot(
    titles=("A question at bedtime", "Good night, {h}", "Before the light goes out", "What {h} wanted to know"),
    paragraphs=(
        "It was late. {clouds} {h.the} was staying the night with {f.the}, in {f.home}.",
        '"Are you asleep?" asked {h}. "Yes," said {f}. "{question}" asked {h}. {f} thought about it in the '
        'dark. "{answer}"',
        "{end}",
    ),
    slots={
        "sky": "night",
        "f": "-slow -small",
        "end": (
            '"That is what I thought," said {h}. "Are you asleep now?" But this time nobody answered.',
            "{h} wanted to ask something else, but it had already turned into a dream.",
            'They listened to the {river|clock|wind} for a while. "Good night," said {h}. "Good night," said '
            '{f}. "Good night," said somebody under the bed, who was only {k.the}.',
            "After that it was quiet, and the dark was the friendly kind.",
        ),
    },
    cases=(
        {"question": "Where does the day go at night?", "answer": "Round the back of the hill, to be washed."},
        {
            "question": "Who puts out the stars in the morning?",
            "answer": "The rooster. He thinks that they are crumbs.",
        },
        {"question": "Why is the moon so thin today?", "answer": "It gave a piece to everyone who could not sleep."},
        {"question": "What do the fish do when it rains?", "answer": "They stay indoors, and wait until it is dry."},
        {
            "question": "How long is forever?",
            "answer": "About as long as you and I will be friends, and then a little.",
        },
        {"question": "What if I forget how to sleep?", "answer": "Then I shall do it for us both, until you remember."},
        {"question": "Does the wind have a bed?", "answer": "It has all the trees, and it tries every one."},
    ),
)

PLOTS = (_RIDDLE, _RIDDLE, _HAT, _NAP, _RAINBOW, _PUDDLE, _BEDTIME, _BEDTIME)

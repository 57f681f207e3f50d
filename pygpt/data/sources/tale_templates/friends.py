"""Plots between neighbors: a boast, a quarrel, a storm, a birthday, a secret, a swap, a letter, an orchestra."""

from pygpt.data.sources.tale_templates.plot import Plot

_BOAST = Plot(
    titles=("{h} the great", "The {contest}", "{h} and the {contest}", "Why {h} stopped boasting"),
    paragraphs=(
        (
            "{h.habit} {One|Then one} {weather} {morning} {h.they} stood on a {barrel|tree stump|bucket} and said, "
            '"{claim}"',
            '{when} {h.the} said, "{claim}"',
        ),
        (
            '"Are you sure?" asked {f.the}. "I am always sure," said {h}. So they held a contest, with {k.the} as '
            "the judge.",
            "So {k.the} was asked to be the judge, and {f.the} came too, {f.who}.",
        ),
        "{flop}",
        "{rescue} {moral}",
    ),
    slots={
        "h": "boast",
        "f": "-boast",
        "moral": (
            '"I was very good at losing," said {h}. "The best in the valley," said {f}.',
            "For the rest of the week {h} boasted only of {h.their} friends.",
            '"Perhaps," said {h}, "I am the second greatest." For {h.them}, that was very modest. {night}',
            '"Next time," said {h}, "I shall say it more quietly." And {h.they} nearly did. {night}',
        ),
    },
    cases=(
        {
            "contest": "great race",
            "claim": "I am the fastest creature between the hill and the sea!",
            "f": "slow",
            "flop": "{h} ran so fast, and looked back so often to see who was watching, that {h.they} went head first "
            "into a haystack. Only two feet stuck out.",
            "rescue": "Some time later {f} came along, stopped, and pulled {h.them} out by the left foot. They crossed "
            "the line together, {|arm in arm, }and {k} called it a draw.",
        },
        {
            "contest": "jumping match",
            "claim": "I can jump over the brook with my eyes shut!",
            "flop": "{h} shut {h.their} eyes, ran, jumped, and came down in the middle with a sound like a dropped "
            "pudding.",
            "rescue": '{f} held out a {broom|fishing rod|long scarf} and pulled {h.them} to the bank. "You did shut '
            'your eyes," said {f} kindly, and {k} gave them half a point each.',
        },
        {
            "contest": "night without sleep",
            "claim": "I never sleep! I shall stay awake until the sun comes up!",
            "flop": "At seven {h} told a joke. At eight {h.they} told it again. At nine {h.they} leaned on a post, "
            "only for a moment, and began to snore.",
            "rescue": '{f} fetched a blanket and tucked {h.them} in. In the morning {f} said, "You missed a lovely '
            'moon, so I kept you a piece," and gave {h.them} {a slice of melon|a round white pebble|a silver '
            "button}.",
        },
        {
            "contest": "singing contest",
            "claim": "My voice is so loud that it can crack an egg!",
            "flop": "{h} took a breath as big as a barrel, opened wide, and out came a squeak so small that a beetle "
            'said, "Pardon?"',
            "rescue": "Nobody knew where to look. Then {f} squeaked too, and {k} squeaked a little lower, and it "
            "turned into the prettiest song of the year.",
        },
        {
            "contest": "tower of pancakes",
            "claim": "I shall build a tower of pancakes up to the clouds!",
            "flop": "Up went the pancakes, ten, twenty, forty of them. Then a butterfly sat down on the top, and the "
            "whole tower bowed to {h}, and fell on {h.them}.",
            "rescue": 'From inside came a sad voice. "Is anybody there?" "We are coming," said {f}, and {f.they} and '
            "{k} took up their forks, and ate until they found {h.them}.",
        },
    ),
)

_QUARREL = Plot(
    titles=("{h}, {f} and the {full}", "The quarrel", "Mine!", "Half a {thing}"),
    paragraphs=(
        "{when} {h.the} and {f.the} found a {full} by {place}, both at the very same moment.",
        (
            '"Mine," said {h}. "Mine," said {f}. They pulled {to the left, and they pulled to the right|east, and '
            "they pulled west}, until {oops}",
            '"I saw it first," said {h}. "I saw it before that," said {f}. They {tugged|argued} {and they '
            "shouted|all morning}, until {oops}",
        ),
        "{between} {mend}",
        "{moral}",
    ),
    slots={
        "between": (
            "It was very quiet. Even the {beetles|sparrows|daisies} looked away.",
            '"Now look," they both said, and then they both said it again, and then they both smiled.',
            '{k.the}, {k.who}, stopped and looked. "What a pity," said {k}, "when there are two of you."',
        ),
        "moral": (
            "And if you ask them whose {thing} it is, {h} points to {f}, and {f} points to {h}. {night}",
            "Two can have more fun with half than one can have with all of it.",
            '"Ours," said {h}, trying out the word. "Ours," said {f}. It was a good fit. {night}',
            "It takes two to quarrel, but it also takes two to play. {night}",
        ),
    },
    cases=(
        {
            "thing": ("striped scarf", "long red scarf"),
            "oops": "the {thing} said rip, and there were two of them.",
            "mend": "{h} put one half around the neck of {f}, and {f} put the other around the neck of {h}. They were "
            "just the right length.",
        },
        {
            "thing": ("little green boat", "wooden boat"),
            "place": ("the mill pond", "the stepping stones"),
            "oops": "nobody was holding the {thing} at all, and it floated away from them.",
            "mend": "In they splashed, and caught it together, one at each end. After that {h} rowed and {f} steered, "
            "and on the way back {f} rowed and {h} steered, and they went round in a circle only twice.",
        },
        {
            "thing": ("red paper kite", "yellow kite"),
            "sky": "windy",
            "oops": 'the wind said "Mine," and took the {thing} up into the clouds.',
            "mend": "{h} caught the string and {f} caught {h}. So {h} held on, and {f} ran, and the {thing} danced "
            "over the roofs until supper.",
        },
        {
            "thing": ("yellow umbrella", "enormous umbrella"),
            "oops": "it began to pour, and the {thing} was still shut.",
            "mend": "They opened it in a hurry and stood under it, close together, since there was no other way. Under "
            "there it was dry, and rather cozy, and hard to stay cross.",
        },
        {
            "thing": ("round pumpkin", "giant turnip"),
            "oops": "the {thing} rolled away from both of them, down the hill, and into the pot of {k.the}.",
            "between": "{They ran after it, and got there out of breath.|For once they ran in the same direction.}",
            "mend": '"Soup!" said {k}. "How kind of you both!" There was nothing to do but to sit down, one on each '
            "side, and pass the salt.",
        },
    ),
)

_STORM = Plot(
    titles=("The night of the big {storm}", "Room for one more", "A full house", "Knock, knock, {h}"),
    paragraphs=(
        "{Never had there been such a {storm}|What a {storm} that was}. {{clouds} |}{h.the} was alone in {h.home}, "
        "{and a little lonely|counting the drips|eating {h.food}}.",
        'Knock, knock. It was {f.the}, wet to the skin, with a {first}. "Come in," said {h}. Knock, knock. It was '
        '{k.the}, wetter still, with a {second}. "There is room for one more," said {h}, though there was hardly '
        "room to sneeze.",
        "Then the roof began to leak. {use1} {use2} {h} {third}.",
        "{end}",
    ),
    slots={
        "sky": "rain",
        "storm": "storm",
        "h": "-slow -strong",
        "f": "-swim",
        "k": "-strong -swim",
        "third": (
            "told them a story about a hero who was also rather damp",
            "lit the last candle, and it was enough",
            "handed round {treat}, and everybody steamed gently",
            "taught them a song with a drip in every line",
        ),
        "end": (
            'In the morning the sun came out. "I do hope," said {f}, "that it rains again on Friday."',
            "A small house grows when friends come in. {night}",
            "They slept in one heap, like puppies, and it was hard to say whose feet were whose.",
            '"It is the best leak I have ever had," said {h} happily.',
        ),
    },
    cases=(
        {
            "first": "big umbrella",
            "second": "soup pot",
            "use": [
                "{f} opened the umbrella over the bed.",
                "{k} put the soup pot under the biggest drip, and it went plink.",
            ],
        },
        {
            "first": "fiddle",
            "second": "pile of blankets",
            "use": [
                "{k} stuffed a blanket into the hole.",
                "{f} played the fiddle so well that they forgot to be wet.",
            ],
        },
        {
            "first": "bathtub for a hat",
            "second": "bag of chestnuts",
            "use": [
                "{f} put the bathtub under the leak.",
                "{k} roasted the chestnuts, and they popped like tiny thunder.",
            ],
        },
        {
            "first": "rubber duck",
            "second": "ball of string and a tea tray",
            "use": [
                "{k} tied the tea tray over the hole with string.",
                "{f} set the rubber duck afloat on the floor, to see how deep it was.",
            ],
        },
    ),
)

_BIRTHDAY = Plot(
    titles=("The birthday of {h}", "Nobody remembered", "{h} has a birthday", "A {full} for {h}"),
    paragraphs=(
        "In the window of the shop there was a {full}, and every day {h.the} stopped to look at it.",
        "Then came {h.their} birthday, a {weather} one, and nobody said a word about it. {busy1} {busy2}",
        "{h} {walked|went} home by {place}, as slowly as {h.they} could. {quiet}",
        '{h} opened the door. "Surprise!" shouted everybody. There was {treat} with a candle, and beside it stood '
        "the {full}. {end}",
    ),
    slots={
        "h": "-boast",
        "thing": (
            "music box",
            "brass lantern",
            "wooden drum",
            "velvet cushion",
            "red paper kite",
            "silver bell",
            "patchwork quilt",
            "blue teapot",
        ),
        "treat": ("a lemon cake", "a honey cake", "a cherry pie", "a mountain of buns", "a plum pudding"),
        "busy": [
            "{f.the} was too busy to stop, and had flour on {f.their} nose.",
            "{k.the} hid something behind {k.their} back and talked about turnips.",
            "The postman walked straight by, whistling, with a large square parcel.",
        ],
        "quiet": (
            "The house was dark. Something inside it giggled.",
            '"Perhaps it is not my birthday," {h.they} thought.',
            "A tear ran down as far as {h.their} chin, and stopped there to look around.",
        ),
        "end": (
            "{h} could not say a word, and had to hug them all instead.",
            '"We had to pretend," said {f}, "and it was dreadful." {night}',
            '"You forgot nothing," said {h}. "We forgot the spoons," said {f}. So they ate with their fingers.',
            "It was the best birthday since the last one. {night}",
        ),
    },
)

_LIKENESS = {"thing": ("brass lantern", "blue teapot", "wooden drum", "yellow umbrella", "picnic basket")}

_SWAP = Plot(
    titles=("The {full} goes to market", "{h} makes a bargain", "{h} and the {thing}", "A good day at the market"),
    paragraphs=(
        "{when} {h.the} was tired of {h.their} {full}, and took it to market.",
        'First {h.they} met {f.the}. "I will give you {good1} for that {thing}," said {f}. "Done!" said {h}. Then '
        "{h.they} met {k.the}, and gave {good1} for {good2}.",
        "{trouble}",
        'There {at the corner|on the way} stood {f}. "I do not need this {thing} at all," said {f}. "{offer}" {moral}',
    ),
    slots={
        **_LIKENESS,
        "good": [
            "a sack of apples",
            "three hens",
            "a wheelbarrow",
            "a pair of stilts",
            "a barrel of honey",
            "a rocking chair",
            "a bag of feathers",
        ],
        "trouble": (
            "But {good2} would not go up the hill, nor down it again. {h} sat down and sighed.",
            'But by noon {h} was already bored with it. "It is not my {thing}," {h.they} said sadly.',
            "But it is hard to be fond of {good2}. {h} sighed, and went home by {place}.",
        ),
        "offer": (
            "Would you take it back, for half of that?",
            "Would you like to swap?",
            "Take it, and come to supper.",
        ),
        "moral": (
            '"Done!" cried {h}, and carried it home like a baby. It was the best bargain of the day.',
            "So {h} came home with the same {thing} {h.they} had left with, and loved it twice as much. {night}",
            '"Done!" said {h}. Sometimes you must go all the way to market to find what you have at home.',
        ),
    },
)

_LETTER = Plot(
    titles=("A letter for {k}", "{h} brings the post", "The slow letter", "The letter from {f}"),
    paragraphs=(
        'The postman had a cold, so {h.the} took the letter for {k.the}. "Be quick," said the postman, and sneezed. '
        "{off}",
        "On the way {h.they} met {stop1}, and then {h.they} met {stop2}.",
        'When {h} came to the door at last, {late} {k} opened the letter. "It is from {f} the {f.animal}," said '
        '{k}. "It says, {message}"',
        "{end}",
    ),
    slots={
        "h": "slow",
        "off": (
            "Off went {h}, as fast as moss.",
            "By noon {h} had passed the gatepost.",
            "{h} hurried, which looked just the same as when {h.they} did not.",
        ),
        "stop": [
            "a daisy that wanted to be looked at",
            "a puddle with a whole sky in it",
            "a beetle on its back, and turned it over",
            "a hill that had to be gone around",
            "a lost ant, and walked it home",
        ],
        "late": (
            "the leaves had turned from green to gold.",
            "the snow was lying on the step.",
            "it was Sunday, as it should be, but quite another Sunday.",
        ),
        "message": (
            "please come to my birthday party tomorrow!",
            "come quickly, the soup is getting cold!",
            "how are you? I have not had a letter from you for a week!",
        ),
    },
    cases=(
        {
            "message": "please come to my birthday party tomorrow!",
            "end": (
                "They set off together at once. By then the party was over, of course. But it was just in time for "
                "the next one.",
                "And since {h} was already there, they had a party of their own, with {treat}. {night}",
            ),
        },
        {
            "end": (
                '"Good news is never late," said {k}, and asked {h} in for {treat}. {night}',
                "Just then {f} came round the corner to see what was the matter. So all three sat down to {treat}. "
                "Slow post brings friends together.",
            )
        },
    ),
)

_MUSIC = Plot(
    titles=("The valley band", "{h} plays the {horn}", "A very loud {horn}", "{h} and the orchestra"),
    paragraphs=(
        "{h.the} {got|found|was given} a {horn}, and practiced {every morning|day and night|at breakfast}. It sounded "
        "like {noise}.",
        '"{complaint}" said {f.the}, {f.who}. So {h} went to practice {far}, all alone.',
        'That evening a fog rolled into the valley. {k.the} could not see {k.their} own nose. "Help!" called {k}. '
        '"Which way is home?"',
        "Then through the fog came {a long, low|a wobbly|a dreadful} note. {k} walked toward it, and it grew louder, "
        "and there stood {h} with the {horn}. {end}",
    ),
    slots={
        "sky": "fog",
        "h": "-loud -small -slow",
        "f": "-loud",
        "horn": ("trumpet", "tuba", "trombone", "set of bagpipes", "French horn"),
        "noise": ("a cow in a bathtub", "a gate that has had bad news", "nine cats and a bucket", "a pig on a slide"),
        "complaint": (
            "My ears are tired,",
            "The milk has turned sour,",
            "Even the clock has covered its face,",
            "I can hear it with my eyes shut,",
        ),
        "far": ("on the far side of the hill", "in the old windmill", "behind the waterfall"),
        "end": (
            '"I have never heard such beautiful music," said {k}. And the next day {f} asked if {f.they} might '
            "play the drum.",
            'The next morning {f} came by. "It is too quiet," said {f}. "Play us something wrong."',
            '"It was you who saved me," said {k}. {f} went red. "Play as loud as you like," {f.they} said, '
            "and {h} did.",
        ),
    },
)

PLOTS = (_BOAST, _BOAST, _QUARREL, _QUARREL, _STORM, _STORM, _BIRTHDAY, _SWAP, _LETTER, _MUSIC)

"""Plots about something strange: a noise at night, a fallen star, a map, the moon, a seed, a thing to build."""

from pygpt.data.sources.tale_templates.plot import Plot

_NOISE = Plot(
    titles=("A noise in the night", "{h} and the {sound}", "What went {sound}?", "The {sound} in the dark"),
    paragraphs=(
        "It was a {weather} night. {clouds} {h.the} was lying in bed when something outside went {sound}.",
        '"{h.cry}" whispered {h}. {h.They} took {weapon} and fetched {f.the}. "Perhaps it is {monster}," said '
        "{f}, and took {other}. {Step by step|On the tips of their toes|Holding on to each other} they crept toward "
        "{place}.",
        "{{Sound}, went the dark. |}{h} counted to three, and then, to be safe, to {ten|nine}, and lifted the lamp.",
        "{truth}",
    ),
    slots={
        "sky": "night",
        "weapon": ("a ladle", "a rolling pin", "the longest spoon", "an umbrella"),
        "other": (
            "a sieve for a helmet",
            "a pillow, in case of a fight",
            "a bun, in case it was hungry",
            "a large, stern book",
        ),
        "monster": (
            "a dragon with a cold",
            "a ghost who has lost his sheet",
            "a pirate",
            "a wolf in somebody else's boots",
        ),
    },
    cases=(
        {
            "sound": "thump",
            "Sound": "Thump",
            "k": "-slow -small",
            "truth": 'There was {k.the}, dancing all alone. "I was too shy to learn by day," said {k}, and hung '
            '{k.their} head. {h} put down {weapon}. "May we dance too?" {h.they} asked. And thump, thump, '
            "thump went the three of them until the stars grew pale.",
        },
        {
            "sound": "rumble",
            "Sound": "Rumble",
            "h": "-sleepy",
            "f": "-sleepy",
            "k": "sleepy",
            "truth": 'There lay {k.the}, fast asleep on {k.their} back, snoring at the moon. "So that is the monster," '
            "said {f}. They put a blanket over {k.them}, and a bun beside {k.them}, and tiptoed home. {night}",
        },
        {
            "sound": "tap",
            "Sound": "Tap",
            "truth": 'It was only a shutter, tapping in the breeze. "It wants to be let in," said {f}. "Or out," '
            "said {h}. They shut it, and wished it good night, and were both a little sorry that it had not "
            "been {monster}.",
        },
        {
            "sound": "creak",
            "Sound": "Creak",
            "truth": 'On the old swing sat {k.the}, going to and fro. "I could not sleep," said {k}. "It was so dark, '
            'and so quiet." "Not any more," said {h}, and {h.they} pushed, and {f} sang, until all of them '
            "were yawning.",
        },
        {
            "sound": "hoo",
            "Sound": "Hoo",
            "h": "-fly",
            "f": "-fly",
            "truth": 'There in a bush sat the smallest owl in the world. "I am learning," it said. "Was it very '
            'frightening?" "Dreadful," said {h}. "We shook," said {f}. The little owl went pink with joy, '
            "and flew home to tell its mother.",
        },
    ),
)

_STRAY = Plot(
    titles=("{h} and the {stray}", "The {stray}", "The {stray} in the {garden}", "How the {stray} went home"),
    paragraphs=(
        '{when} {h.the} found a very small {stray} in the {garden}. It was {crying|crying softly}. "I fell off," it '
        'said, "and I want to go home."',
        "{h} gave it {h.their} {handkerchief|warmest scarf} and some of {h.their} {h.food}. {trait}",
        '"We need {f}," said {h}. {f.the} came at once{ and scratched {f.their} head|}. {plan1} {plan2}',
        "{home}",
    ),
    slots={"garden": ("cabbages", "rose bed", "wheelbarrow", "rain barrel", "bean patch")},
    cases=(
        {
            "stray": "cloud",
            "sky": "fair",
            "f": "-fly",
            "h": "-fly",
            "trait": "It cried so much that the lettuce began to grow.",
            "plan": [
                "They threw it as high as they could, and it came down again, like a wet pillow.",
                "They blew at it until they were dizzy.",
            ],
            "home": "At last they tied it to a kite, and up it went, higher and higher, to where its mother was "
            "looking for it everywhere. And from that day on it rained on the garden of {h} just when it should, and "
            "never on washing day.",
        },
        {
            "stray": "star",
            "sky": "night",
            "f": "-fly",
            "h": "-fly",
            "when": "One {weather} night",
            "trait": "It shone so brightly that the moths came to look, and brought their children.",
            "plan": [
                "They put it in a slingshot, but it only hummed and fell in the hay.",
                "They climbed on the roof, and then on the chimney, but the sky was still too far.",
            ],
            "home": "Then {h} carried it to the pond, where all the other stars lay shining on the water. In it "
            "jumped, and a moment later there was one star more in the sky. If you look, it is the one that winks.",
        },
        {
            "stray": "moonbeam",
            "sky": "night",
            "when": "One {weather} night",
            "trait": "It was as thin as a thread, and it tickled.",
            "plan": [
                "They folded it up and tried to post it, but it was too light for a stamp.",
                "They wound it round a spool so as not to lose any.",
            ],
            "home": "In the end they set a mirror on the sill. The moonbeam ran up the glass, bounced once, and was "
            "home. On the floor it had left them a small silver spot, which {h} never swept away.",
        },
        {
            "stray": "echo",
            "garden": ("well", "empty jug", "old boot"),
            "trait": '"Are you hungry?" asked {h}. "Hungry," said the echo. "Very?" "Very."',
            "plan": [
                "They took it to the church, but somebody was living there already.",
                "They tried it in a bottle, where it sounded cross.",
            ],
            "home": 'So they carried it to the tall gray cliff across the river. "Hello!" called {h}. "Hello," said '
            'the cliff, very happily. "Thank you!" And that was odd, because nobody had said it first.',
        },
        {
            "stray": "duckling",
            "h": "-swim",
            "f": "-swim",
            "trait": "After that it thought that {h} was its mother.",
            "plan": [
                "They asked at every door, but nobody had lost one.",
                "They wrote a notice, and the duckling ate it.",
            ],
            "home": "Then from the reeds came a quack, and another. Off ran the duckling, and back again, and off once "
            'more. "Goodbye, little one," said {h}. The next Sunday it came to visit, and it brought all seven '
            "of its sisters.",
        },
    ),
)

_MAP = Plot(
    titles=("The map in the {bottle}", "{h} hunts for treasure", "The treasure of {spot}", "X marks the spot"),
    paragraphs=(
        '{when} {h.the} found a map in a {bottle}. On it was a big red X. "Treasure!" cried {h}, and put on '
        "{h.their} {bravest hat|longest boots|second best coat}.",
        '"Start at {spot}," said the map. There {h} found {clue1}. "Go {forty|twenty|nine} steps {north|toward the '
        'sun|backwards}," it said, and there {h.they} found {clue2}.',
        "{tired}",
        "{treasure}",
    ),
    slots={
        "bottle": ("bottle", "teapot", "left shoe", "loaf of bread", "hollow tree"),
        "spot": ("Whistling Wood", "the old windmill", "Blueberry Hill", "the crooked bridge", "Foxglove Lane"),
        "clue": [
            "an arrow made of {twigs|pebbles|carrots}",
            "a feather pointing to the left",
            "a sign that said WARM",
            "a note that said NOT HERE, SILLY",
            "a snail with a flag, who pointed",
        ],
        "tired": (
            "The arrows led over a wall, under a cow, and twice around the church.",
            "The path grew steep, and {h.their} stomach began to talk to {h.them}.",
            "It began to get dark, and pirates seemed quite possible.",
        ),
        "treasure": (
            'The last arrow pointed at {h.their} own front door. There sat {f.the} beside a basket of {treat}. "You '
            'took your time," said {f}. "I missed you, and you never come if I just ask." {night}',
            'Under the X was a box, and in the box was a mirror, and in the mirror was {h}. "That is the treasure," '
            "said a voice. It was {f.the}, up to {f.their} neck in a bush, and very pleased with {f.self}.",
            'Under the X {h} dug, and dug, and found a spade. "Oh, good," said {f.the}, coming round the corner. '
            '"I lost that last year. I made a map so that I would remember." They had {treat} to celebrate.',
            'Under the X there was a jar of golden {honey|marmalade|pears}. "Only one spoon," thought {h}. "How '
            'sad." So {h.they} went to fetch {f.the}, who had a spoon, and then it was a treasure.',
        ),
    },
)

_MOON = Plot(
    titles=("{h} catches the moon", "The moon in the {pond}", "{h} and the moon", "A piece of the moon"),
    paragraphs=(
        '{h.habit} One {weather} night {h.they} saw the moon lying in the {pond}. "It has fallen in," said {h}. '
        '"Somebody must {save|fetch} it."',
        "{try1} {try2}",
        '"What are you doing?" asked {f.the}. "I am saving the moon," said {h}, "but it keeps breaking." {f} '
        "sat down next to {h.them}. {answer}",
        "{end}",
    ),
    slots={
        "sky": "night",
        "h": "-wise",
        "pond": ("pond", "river", "rain barrel", "village well", "washtub"),
        "try": [
            "{h.They} tried it with a net, and caught a {wet leaf|surprised fish}.",
            "{h.They} tried it with a bucket, and the moon was in the bucket too, but smaller.",
            "{h.They} threw in a rope, and told the moon to hold tight.",
            "{h.They} held out a piece of cheese, so that it would feel at home.",
        ],
        "answer": (
            '"Look up," {f.they} said. And there was the moon, quite dry, up over the hill.',
            '"Then let us wait until it is mended," {f.they} said. They waited, and the water grew still, '
            "and there it was, as round as ever.",
            '"There are two of them," {f.they} said. "One for up there, and one for us."',
        ),
        "end": (
            '"{h.cry} I saved it after all," said {h}. "It must have climbed out by the rope." And {f} was '
            "too good a friend to argue.",
            "They watched it until it set. Some things are better left where they are.",
            "So they ate {treat}, and threw in a crumb for the moon. In the morning the crumb was gone.",
            "The moon said nothing. But it followed them all the way home.",
        ),
    },
)

_SEED = Plot(
    titles=("{h} and the {seed}", "The {seed} that would not hurry", "The smallest {seed}", "Waiting for the {seed}"),
    paragraphs=(
        (
            '{h.habit} In spring {f.the} gave {h.them} a {seed}. "Plant it and wait," said {f}.',
            'On the first warm day of spring {h.the} planted a {seed}. "Now we wait," said {f.the}, {f.who}.',
        ),
        "{h} waited for {a minute|as long as it takes to eat a bun}. Then {h.they} {try1}. The next day {h.they} "
        "{try2}. {nothing}",
        '"It is {thinking|still asleep|choosing a color}," said {f}. So {h} sat down beside the {pot|flower bed}, '
        "and they {played cards|told stories|shared {treat}} until {h} forgot to look.",
        "{grew} {moral}",
    ),
    slots={
        "h": "-slow",
        "seed": ("seed", "bean", "acorn", "striped seed", "bulb"),
        "try": [
            'shouted, "Grow!" until the worms complained',
            "dug it up to see if it was ready",
            "read it a book about tall trees",
            "knitted it a little hat, as a hint",
            "pulled at the soil with a string",
        ],
        "nothing": (
            "Nothing happened, and it happened very slowly.",
            "The earth was as flat as a pancake.",
            "Not so much as a whisker of green.",
        ),
        "grew": (
            "And one morning a {green nose|small green hook} looked out of the earth, and by August it was "
            "taller than the roof, with a flower like a {plate|golden clock}.",
            "Then up it came, all in one night, with leaves so large that they both sat under them when it rained.",
            "In the summer there were so many beans and blossoms that all the neighbors came with baskets.",
        ),
        "moral": (
            '"Did I do that?" asked {h}. "No," said {f}, "but you kept it company."',
            "What grows slowly grows tall. {night}",
            '"Waiting," said {h}, "is quicker with two."',
            "{night}",
        ),
    },
)

_BUILD = Plot(
    titles=("{h} builds a {craft}", "The {craft}", "The third {craft}", "{h}, {f} and the {craft}"),
    paragraphs=(
        (
            "{when} {h.the} {decided|made up {h.their} mind} to build a {craft}.",
            "{h.habit} {One|But one} {weather} {morning} {h.they} wanted to build a {craft}.",
        ),
        "The first was made of {stuff1}, and {fail1}. The second was made of {stuff2}, and {fail2}. {h} {sat down and "
        "sighed|looked at what was left}.",
        '"May I help?" asked {f.the}{, {f.who}|}. "{May I|And may I}?" asked {k.the}.',
        "So {h} hammered, and {f} held, and {k} {gave advice|read out the plan|passed the nails}. {works} {moral}",
    ),
    slots={
        "stuff": ["straw", "old newspapers", "cheese boxes", "umbrellas", "gingerbread", "teaspoons"],
        "moral": (
            "Of the first and the second they made a fine bonfire, and sat around it with {treat}.",
            "Three heads are better than one, and six hands are better still. {night}",
            "{night}",
            '"It leans a little," said {h}. "So do we," said {f}.',
        ),
    },
    cases=(
        {
            "craft": "raft",
            "sky": "fair",
            "fail": [
                "it went down like a stone",
                "it came apart in the middle, and each half went its own way",
                "the fish ate it",
            ],
            "works": "The third was a door with a shirt for a sail, and it carried them down the river as proudly as a "
            "swan.",
        },
        {
            "craft": "kite",
            "sky": "windy",
            "fail": [
                "it flew away without saying goodbye",
                "it would fly only sideways",
                "it fell on the head of the postman",
            ],
            "works": "The third had a tail of forty ribbons, and it went up until it was no larger than a ladybug.",
        },
        {
            "craft": "snowman",
            "sky": "snow",
            "stuff": ["snow and soup", "very old snow", "warm snow", "snow and feathers"],
            "fail": [
                "it walked off when nobody was looking, or so it seemed",
                "it sat down and would not get up",
                "the sparrows carried it off",
            ],
            "works": "The third had a carrot nose and two coal eyes, and in the night somebody gave it a scarf. Nobody "
            "ever told who.",
        },
        {
            "craft": "tree house",
            "sky": "fair",
            "fail": [
                "the wind took it to another village",
                "the woodpeckers laughed until it fell down",
                "it was a tree house only until lunch",
            ],
            "works": "The third had a rope ladder, a round window, and a bell to ring when there was nothing to ring "
            "about.",
        },
        {
            "craft": "scarecrow",
            "sky": ("fair", "windy"),
            "fail": [
                "the crows brought it flowers",
                "the sparrows moved in and had it painted",
                "it frightened only {h}",
            ],
            "works": "The third wore the hat of {h}, the coat of {f} and the boots of {k}, and it looked so kind that "
            "they gave it a chair.",
        },
    ),
)

PLOTS = (_NOISE, _NOISE, _STRAY, _STRAY, _MAP, _MOON, _SEED, _BUILD, _BUILD)

"""The vocabulary of the tales: the animals of the valley, their things, and the weather."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

_PRONOUNS = {"she": ("she", "her", "her", "herself"), "he": ("he", "him", "his", "himself")}


@dataclass(frozen=True)
class Animal:
    """An animal of the valley, with the same traits in every tale.

    `who` continues "along came Hazel the hedgehog,". `tags` determine the roles that the animal can take.
    """

    name: str
    kind: str
    they: str
    trait: str
    who: str
    habits: tuple[str, ...]
    cry: str
    food: str
    home: str
    tags: frozenset[str]

    @cached_property
    def slots(self) -> dict[str, str]:
        """The slots about the animal, with their texts; the key "" is its name."""
        they, them, their, self_ = _PRONOUNS[self.they]
        return {
            "": self.name,
            "animal": self.kind,
            "the": f"{self.name} the {self.kind}",
            "trait": self.trait,
            "who": self.who,
            "cry": self.cry,
            "food": self.food,
            "home": self.home,
            "they": they,
            "them": them,
            "their": their,
            "They": they.capitalize(),
            "Their": their.capitalize(),
            "self": self_,
        }


def _animal(
    named: str, they: str, tags: str, trait: str, who: str, cry: str, food: str, home: str, *habits: str
) -> Animal:
    name, kind = named.split()
    return Animal(name, kind, they, trait, who, habits, cry, food, home, frozenset(tags.split()))


ANIMALS = (
    _animal(
        "Hazel hedgehog",
        "she",
        "quiet kind",
        "shy",
        "who always said sorry to a doorstep before she stepped on it",
        "Oh, my prickles!",
        "apple crumble",
        "the little house under the blackberry hedge",
        "Hazel was a shy hedgehog who practiced saying hello to the doorknob before she tried it on anyone else.",
        "Hazel the hedgehog was so shy that she curled into a ball whenever the postman said good morning.",
        "Everybody loved Hazel the hedgehog, and she blushed to the tip of every prickle when they said so.",
    ),
    _animal(
        "Bertram duck",
        "he",
        "boast swim loud",
        "boastful",
        "who had once met a swan and had not stopped talking since",
        "Great puddles!",
        "watercress soup",
        "the painted boathouse",
        "Bertram the duck was the finest swimmer in the valley. He had counted the votes himself.",
        "Bertram was a boastful duck. He told the same story to every fish in the pond, and it grew a little each "
        "time.",
        "When Bertram the duck looked into the pond, he always bowed, and the duck in the water bowed back.",
    ),
    _animal(
        "Olive owl",
        "she",
        "fly wise quiet night",
        "wise",
        "who had read all three books in the wood",
        "Well, I never hooted!",
        "moth cookies",
        "the hollow oak",
        "Olive the owl knew nearly everything, and what she did not know she looked up in a big blue book.",
        "Olive was a wise owl. She always thought twice, and on Sundays she thought three times.",
        "If you asked Olive the owl a question, she shut one eye, then the other, and then she was asleep.",
    ),
    _animal(
        "Pip mouse",
        "he",
        "small brave kind",
        "brave",
        "who slept in a teacup and feared nothing but soap",
        "Whiskers and thunder!",
        "toasted cheese",
        "the teacup cottage",
        "Pip was a very small mouse, but nobody had ever managed to tell him so.",
        "Pip the mouse was small enough to sleep in a teacup and brave enough to snore in it.",
        "Every morning Pip the mouse put on his acorn helmet, just in case there were dragons.",
    ),
    _animal(
        "Barnaby bear",
        "he",
        "strong sleepy kind",
        "sleepy",
        "who was on his way home to bed, as usual",
        "Oh, honey and buns!",
        "honey cake",
        "the warm cave behind the waterfall",
        "Barnaby was a big, gentle bear who could fall asleep in the middle of a sentence, or of a sandwich.",
        "Barnaby the bear yawned so widely that swallows sometimes flew in to look around.",
        "Barnaby the bear liked three things: honey, naps, and honey after naps.",
    ),
    _animal(
        "Clover rabbit",
        "she",
        "dig fast",
        "impatient",
        "who had arrived before she had quite set out",
        "Hurry and bother!",
        "carrot pie",
        "the burrow with eleven doors",
        "Clover the rabbit did everything quickly. She ate her lunch at breakfast, to save time.",
        "Clover was a rabbit in a hurry, even when she was only hurrying to sit down.",
        "Clover the rabbit could not wait for anything. She opened her birthday presents in March, and she was born "
        "in June.",
    ),
    _animal(
        "Mungo mole",
        "he",
        "dig quiet kind",
        "polite",
        "who lifted his hat to everyone, and also to the gatepost",
        "I do beg your pardon!",
        "turnip stew",
        "the long tunnel under the meadow",
        "Mungo the mole could not see very well, so he was polite to everything, just in case.",
        "Mungo was the most polite mole in the world. He thanked the rain for falling, and the mud for being soft.",
        "Mungo the mole wore a velvet coat and a very round pair of glasses, through which he saw almost nothing.",
    ),
    _animal(
        "Fern squirrel",
        "she",
        "climb tidy",
        "tidy",
        "who was making a list of all her other lists",
        "Oh, nuts and nutshells!",
        "walnut bread",
        "the highest house in the beech tree",
        "Fern was a tidy squirrel. She sorted her acorns by size, and then by how friendly they looked.",
        "Fern the squirrel swept her branch every morning, and scolded the tree for dropping leaves on it.",
        "Fern the squirrel had a list for everything, and the first thing on every list was the list.",
    ),
    _animal(
        "Tobias tortoise",
        "he",
        "slow quiet wise",
        "patient",
        "who had set out for this very spot on Tuesday",
        "Dear me, how sudden!",
        "lettuce pudding",
        "the house on his own back",
        "Tobias was a patient tortoise. He had once waited a whole summer for a kettle that was not lit.",
        "Tobias the tortoise was never late, for he never said when he would come.",
        "Tobias the tortoise walked so slowly that daisies grew in his footprints before he had finished making them.",
    ),
    _animal(
        "Ruby robin",
        "she",
        "fly small loud",
        "cheerful",
        "who was whistling a tune with a mistake in the middle",
        "Tweedle and dee!",
        "cherry tart",
        "the nest in the old red lantern",
        "Ruby the robin sang before breakfast, after breakfast, and sometimes with breakfast in her mouth.",
        "Ruby was a cheerful robin. When it rained she said that the worms would be pleased.",
        "Ruby the robin knew a hundred songs, and ninety of them were about cherries.",
    ),
    _animal(
        "Fergus fox",
        "he",
        "boast clever fast",
        "clever",
        "who had a plan, and another for when the first one caught fire",
        "Tails and trumpets!",
        "plum jam",
        "the den with the crooked chimney",
        "Fergus was a clever fox, and he liked clever plans best when they had seven parts and a rope.",
        "Fergus the fox had a plan for everything, even for having breakfast. It usually ended with a bang.",
        "Fergus the fox wore a waistcoat with nine pockets, and in each there was the beginning of a good idea.",
    ),
    _animal(
        "Nettie goat",
        "she",
        "strong stubborn",
        "stubborn",
        "who was chewing something that had lately been a map",
        "Butter and buttons!",
        "thistle salad",
        "the shed on the windy hill",
        "Nettie was a stubborn goat. She had argued with a gate for a week, and the gate had given in.",
        "Nettie the goat ate whatever she was reading, so she never knew how a story ended.",
        "When Nettie the goat said no, even the echo was afraid to say it back.",
    ),
    _animal(
        "Otto otter",
        "he",
        "swim playful loud",
        "playful",
        "who never walked where he could slide",
        "Splish and splosh!",
        "river trout",
        "the den beneath the willow",
        "Otto was a playful otter. He slid down banks, and hills, and once down the roof of the town hall.",
        "Otto the otter could make a game out of anything, even of washing his ears.",
        "Otto the otter laughed so much that the river had learned to laugh as well.",
    ),
    _animal(
        "Gilbert frog",
        "he",
        "swim boast loud",
        "dramatic",
        "who bowed, sighed, and fainted a little, from habit",
        "Alas and alack!",
        "pond lily pie",
        "the grandest lily pad on the pond",
        "Gilbert was a dramatic frog. When he lost a sock, he wrote a song about it in nine verses.",
        "Gilbert the frog never simply sat down. He sank, with one hand upon his forehead.",
        "Gilbert the frog believed he was a prince, and was waiting politely for somebody to notice.",
    ),
    _animal(
        "Bramble badger",
        "she",
        "dig strong grumpy",
        "grumpy",
        "who was grumpy before lunch, and after lunch as well",
        "Humph and double humph!",
        "mushroom dumplings",
        "the deep house with the green door",
        "Bramble the badger was grumpy on Mondays, and she said that every day was Monday if you looked at it "
        "properly.",
        "Bramble was a grumpy badger with a soft heart, which she kept well hidden under a hard waistcoat.",
        "On the green door of Bramble the badger hung a sign that said GO AWAY, and below it, very small, PLEASE "
        "KNOCK.",
    ),
    _animal(
        "Sylvie snail",
        "she",
        "slow small quiet dreamy",
        "dreamy",
        "who had been watching the same cloud all week",
        "Oh, how shiny!",
        "dandelion jelly",
        "the curly house she carried with her",
        "Sylvie was a dreamy snail. She wrote poems on the garden path in silver, and the sun wiped them away.",
        "Sylvie the snail had never been in a hurry, though she had once been in a parade.",
        "Sylvie the snail looked at things for so long that they sometimes began to glow.",
    ),
    _animal(
        "Gertrude goose",
        "she",
        "fly boast loud",
        "bossy",
        "who was telling the wind which way to blow",
        "Feathers and fiddlesticks!",
        "barley porridge",
        "the tall house beside the mill",
        "Gertrude was a bossy goose. She told the sun when to rise, and so far it had always obeyed.",
        "Gertrude the goose gave good advice to everyone, whether or not they had a problem.",
        "Gertrude the goose carried a small silver whistle, and used it mostly at picnics.",
    ),
    _animal(
        "Marmalade cat",
        "he",
        "climb sleepy",
        "lazy",
        "who had a cushion for every hour of the day",
        "Purr and botheration!",
        "fish pie",
        "the basket in the bakery window",
        "Marmalade was a lazy cat. He had once asked the mice to chase each other, so that he could watch.",
        "Marmalade the cat had nine lives, and meant to spend every one of them on the same cushion.",
        "Marmalade the cat followed the sunshine around the room all day, and he called that exercise.",
    ),
    _animal(
        "Cornelius crow",
        "he",
        "fly curious clever",
        "curious",
        "who collected buttons and looked hard at everybody's coat",
        "Caw and crumbs!",
        "blackberry muffins",
        "the nest on the church tower",
        "Cornelius was a curious crow. He asked the clock why, and the moon how, and the cows who.",
        "Cornelius the crow collected shiny things, and he had a medal for it, which was shiny too.",
        "Cornelius the crow wanted to know everything, beginning with what was in your pocket.",
    ),
    _animal(
        "Winnie vole",
        "she",
        "swim careful kind quiet",
        "careful",
        "who wore two scarves in case one of them stopped working",
        "Mind out, mind out!",
        "cucumber sandwiches",
        "the snug hole in the river bank",
        "Winnie was a careful vole. She looked left, right, up, down, and left again before she crossed a room.",
        "Winnie the vole never went out without an umbrella, a lantern, and a spare umbrella.",
        "Winnie the vole worried about everything, but most of all about the days when she had nothing to worry about.",
    ),
)

# By kind of sky: a word for the day, and a sentence about it.
WEATHER = {
    "fair": (
        ("sunny", "The sky was as blue as a new jug."),
        ("golden", "The sun lay on the grass like butter."),
        ("bright", "The bees were humming because they knew no words."),
        ("warm", "The hills were so still that they seemed to be listening."),
        ("lazy", "One small cloud was going nowhere in particular."),
        ("sleepy", "The church clock had stopped to take a nap."),
        ("blue", "A lark went up into the air like a cork."),
        ("sparkling", "The dew had put a bead on every blade of grass."),
    ),
    "windy": (
        ("windy", "Hats were flying about like birds."),
        ("blustery", "The wind was trying every door in the valley, to see who was in."),
        ("gusty", "The trees were waving to somebody behind the hill."),
        ("breezy", "The laundry danced on its line without any music."),
        ("wild", "The clouds were running as if they were late for school."),
    ),
    "rain": (
        ("rainy", "The puddles had grown so big that they were joining hands."),
        ("drizzly", "The rain tapped on the leaves as if it wanted to come in."),
        ("stormy", "The thunder was moving its furniture about upstairs."),
        ("dripping", "Even the fish were complaining of the wet."),
        ("gray", "The clouds sat on the hills like wet sheep."),
    ),
    "fog": (
        ("foggy", "The fog was so thick that the trees had to feel their way."),
        ("misty", "The valley looked like a bowl of milk with a church in it."),
        ("hazy", "Nobody could see where the meadow stopped and the sky began."),
    ),
    "snow": (
        ("snowy", "Every fence post wore a tall white hat."),
        ("frosty", "The puddles had all turned into windows."),
        ("icy", "Icicles hung from the mill like a row of organ pipes."),
        ("white", "The snow had tucked in the whole valley, right up to the chin."),
    ),
    "night": (
        ("clear", "The stars were so bright that they nearly made a noise."),
        ("quiet", "Only the river was still awake, talking to itself."),
        ("moonlit", "The moon had poured silver into every puddle."),
        ("still", "The whole valley was holding its breath."),
    ),
}

# Slots for every plot; a plot's own slots take precedence.
POOLS: dict[str, object] = {
    "sky": ("fair", "fair", "windy", "fog"),
    "thing": (
        "brass lantern",
        "blue teapot",
        "patchwork quilt",
        "wooden drum",
        "music box",
        "copper kettle",
        "velvet cushion",
        "silver bell",
        "yellow umbrella",
        "painted whistle",
        "tin trumpet",
        "picnic basket",
    ),
    "place": (
        "the mill pond",
        "the crooked bridge",
        "Blueberry Hill",
        "the old windmill",
        "the orchard wall",
        "Whistling Wood",
        "the village green",
        "the stepping stones",
        "the hollow log",
        "Foxglove Lane",
    ),
    "name": ("Gerald", "Susan", "Percival", "Aunt Maud", "Admiral", "Little George", "Penelope"),
    "treat": (
        "gingerbread",
        "strawberry jam",
        "hot chocolate",
        "lemon cake",
        "buttered toast",
        "pancakes",
        "raspberry buns",
        "rice pudding",
        "apple pie",
        "cinnamon rolls",
        "pumpkin soup",
    ),
    "dear": (
        "{h.They} had saved up for it since {the last harvest|the big storm|the snow melted}.",
        "{h.They} said good night to it every evening, and had named it {name}.",
        "It had once belonged to {h.their} {grandmother|great-aunt|uncle, who had been to sea}, and it still smelled "
        "{faintly|a little} of {peppermint|adventure|lavender|cheese}.",
        "It had come in the post, wrapped in brown paper, from {an aunt|a cousin} who lived by the sea.",
        "{h.They} polished it on Fridays and admired it on all the other days.",
    ),
    "morning": ("morning", "afternoon"),
    "when": (
        "One {weather} {morning}",
        "It was a {weather} {morning} when",
        "{clouds} It was the sort of {morning} when",
        "On the {first|second|last} {weather} {morning} of {spring|summer|autumn|the holidays},",
    ),
    "night": (
        "The sun went down behind the hill like a penny into a purse.",
        "That night the stars came out one at a time, so as not to wake anybody.",
        "The sun slid down slowly, like butter off a warm potato.",
        "And {h} slept so well that the moon looked in twice to make sure.",
        "The church clock struck seven, and then, because it was such a nice evening, it struck eight.",
        '"The same again tomorrow?" said {f}. And so it was.',
        "The evening smelled of wood smoke and {treat}.",
        "A small wind went round the valley and blew out the day, like a candle.",
        "They walked home slowly, with the moon carrying the lamp.",
        "The last light went up the church tower, one step at a time, and then it was gone.",
        "Behind the hills the moon was already putting on its white shirt.",
        "In the whole valley there was nobody who would rather have been somebody else.",
        "The crickets began, stopped, counted to four, and began again.",
        "And the rest of the day was as round and as sweet as a plum.",
        "{place}, far off in the dusk, looked like something that somebody had dreamed.",
        "{h} wrote it all down in {h.their} diary, and drew a picture of {f} beside it.",
        "If the wind is right, you can still hear them laughing.",
        "Everything was as it should be, and the kettle said so.",
        "The day folded itself up and went to bed.",
        "{h} waved until {f} was round the corner, and then waved once more for luck.",
        "Somewhere an owl said good night, and somewhere else a mouse said it back.",
        "Then they had {treat}, and after that they had some more.",
        '"What a day," said {h}, and fell asleep before {h.they} could say which one.',
    ),
}

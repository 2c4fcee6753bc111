"""The words for the simulator's titles, descriptions and channels."""

# The topics that always exist, as people write them, with the language of most of their videos.
TOPICS: dict[str, str] = {
    "Python": "en",
    "Django": "en",
    "Raspberry Pi": "en",
    "Climate": "en",
    "Football": "en",
    "Linux": "en",
    "C++": "en",
    "Rust": "en",
    "Machine Learning": "en",
    "Space Telescope": "en",
    "Electric Cars": "en",
    "Solar Power": "en",
    "Chess": "en",
    "AC/DC": "en",
    "Guitar Lesson": "en",
    "Sourdough": "en",
    "Woodworking": "en",
    "Birdwatching": "en",
    "Beekeeping": "en",
    "Marathon": "en",
    "Formula 1": "en",
    "Minecraft": "en",
    "Yoga": "en",
    "Cats": "en",
    "Photography": "en",
    "Elections": "en",
    "#shorts": "en",
    "Tango": "es",
    "Paella": "es",
    "Samba": "pt",
    "Wandern": "de",
    "Käsespätzle": "de",
    "Cinéma": "fr",
    "日本語": "ja",
    "ラーメン": "ja",
    "北京": "zh",
    "한국 요리": "ko",
    "Шахматы": "ru",
    "Космос": "ru",
    "क्रिकेट": "hi",
    "شطرنج": "ar",
}

# Titles by language; {t} is the topic. None may contain < or >, which YouTube does not allow in titles.
TITLES: dict[str, tuple[str, ...]] = {
    "en": (
        "{t} for absolute beginners",
        "What's new in {t} this week?",
        "I tried {t} for 30 days & this happened",
        '{t}: "it was never meant to last"',
        "The {t} mistake everyone makes",
        "{t} explained in {n} minutes",
        "Don't buy anything for {t} before you watch this",
        "{n} things I wish I'd known about {t}",
        "LIVE Q&A: {t}, your questions answered",
        "{t} | Episode {n}",
        "Why {t} isn't what you think",
        "A quiet evening with {t} (no talking)",
        "{t} news roundup, part {n}",
        "How we got {t} wrong - a long conversation about craft, patience & starting over",
        "MY HONEST {t} REVIEW!!!",
        "{t} full course [{n} hours]",
        "From zero to {t}: the {n}-step plan nobody talks about, with every step shown and nothing left out",
        "Inside the world's smallest {t} museum",
        "The science behind {t}",
        "{t} — day {n}",
    ),
    "es": (
        "{t}: guía completa para empezar",
        "¿Por qué todo el mundo habla de {t}?",
        "Lo mejor de {t} en {n} minutos",
        "{t} paso a paso, sin secretos",
        "Un día con {t} ¡no te lo pierdas!",
    ),
    "pt": (
        "{t}: tudo o que você precisa saber",
        "Como começar com {t} em {n} passos",
        "{t} ao vivo no coração da cidade",
        "Não cometa este erro com {t}",
    ),
    "de": (
        "{t} einfach erklärt",
        "{n} Tipps zu {t}, die wirklich helfen",
        "Unterwegs mit {t} – Folge {n}",
        "Was ist dran an {t}? Ein Selbstversuch",
    ),
    "fr": (
        "{t} : l'essentiel en {n} minutes",
        "Pourquoi {t} n'est pas ce que vous croyez",
        "Une journée avec {t} à l'ancienne",
        "{t}, épisode {n} : « on recommence »",
    ),
    "ja": (
        "【{t}】初心者向け完全ガイド",
        "{t}を{n}分で解説します",
        "{t}の一日 Vlog #{n}",
        "【検証】{t}は本当にすごいのか？",
    ),
    "zh": ("{t}：{n}分钟带你了解", "【{t}】第{n}集", "为什么大家都在谈{t}？"),
    "ko": ("{t} 완벽 가이드", "{t} 브이로그 #{n}", "{n}분 만에 배우는 {t}"),
    "ru": (
        "{t}: всё, что нужно знать",
        "{n} ошибок начинающих | {t}",
        "Просто о сложном: {t}, выпуск {n}",
        "Почему {t} — это «навсегда»?",
    ),
    "hi": ("{t} की पूरी जानकारी", "{t}: {n} मिनट में सीखें", "आज का {t} समाचार"),
    "ar": ("{t}: كل ما تريد معرفته", "تعلم {t} في {n} دقيقة", "حلقة {n} | {t}"),
}

# Replaces a topic that does not fit into a title because it is too long or contains < or >.
PLACEHOLDER = "this one thing"

# Patterns for a title with two topics.
PAIRS = ("{a} and {b}", "{a} & {b}", "{a} vs {b}", "{a} + {b}", "{b}, {a}")

EMOJI = ("🔥", "😱", "🎉", "🚀", "❤️", "🐍", "⚽", "🌍", "👩‍💻", "🇯🇵", "🎸", "🤔")

SENTENCES: tuple[str, ...] = (
    "Everything shown here was filmed over one long weekend, with borrowed gear and too little sleep.",
    "If you spot a mistake, say so in the comments & I'll pin the correction.",
    "The second half gets technical; skip to the chapters if you're in a hurry.",
    "Thanks to everybody who sent questions after the last one.",
    "No sponsor this time, just us and a very patient neighbour.",
    'We asked three people who do this for a living, and none of them agreed on what "good" means.',
    "The files and notes are free to use for anything you like.",
    "It took eleven attempts. You'll see all of them.",
    "Next week we go back outside, weather permitting.",
    "Subtitles are available in English, Español and 日本語.",
    "Recorded in one take; the dog in the background is called Biscuit 🐕",
    "Some of what we believed two years ago turned out to be wrong, so here's the new version.",
)

CHAPTERS = (
    "Intro",
    "What you need",
    "The first try",
    "Where it went wrong",
    "The fix",
    "Questions",
    "Last words",
)

NAMES = (
    "Maren",
    "Kofi",
    "Yuki",
    "Ana",
    "Tomás",
    "Ingrid",
    "Dmitri",
    "Noor",
    "Priya",
    "Liam",
    "Zoë",
    "Mateusz",
)
SURNAMES = ("Okafor", "Lindqvist", "Tanaka", "Silva", "Novák", "O'Brien", "Haddad", "Kaur", "Weiss", "Moreau")

CHANNELS = (
    "{t} Daily",
    "The {t} Workshop",
    "{name} {surname}",
    "{name} & {other}",
    "{t} with {name}",
    "{surname}TV",
    "Studio {surname}",
    "{name}'s {t} Corner",
)

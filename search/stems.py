"""Stemming: what собака and собаками, run and running have in common. Words must be folded (search.fold)."""

from __future__ import annotations

import re
import threading
from functools import cache, lru_cache

# Not snowballstemmer.stemmer(), which prefers an installed PyStemmer of any version: the stems in the index and in
# queries must come from the same algorithm (docs/decisions/0011).
from snowballstemmer.english_stemmer import EnglishStemmer
from snowballstemmer.russian_stemmer import RussianStemmer

# Longer than any word; anything longer is an address or noise.
LONGEST = 40
RUSSIAN = re.compile(r"[а-я]+")
ENGLISH = re.compile(r"[a-z]+")
VOWELS = "аеиоуыэюя"
# A fleeting vowel: подарок and подарки, окон and окна, чаек and чайка.
FLEETING = re.compile(rf"(.*[{VOWELS}].*[^{VOWELS}])[ое]([^{VOWELS}])")
FLEETING_AFTER_VOWEL = re.compile(rf"(.*[{VOWELS}])е([кц])")
# A fleeting consonant: куплю and купить, люблю and любить.
EPENTHETIC = re.compile(r"(.+[бвмпф])л")
# A stem of one letter would match too much.
SHORTEST = 2

# Irregular forms. Each line is one word; prefixes that all its forms may have stand in brackets before it.
RUSSIAN_FORMS = """
день дня дню днем дне дни дней дням днями днях
человек человека человеку человеком человеке люди людей людям людьми людях
ребенок ребенка ребенку ребенком ребенке дети детей детям детьми детях ребята ребят ребятам ребятами ребятах
друг друга другу другом друге друзья друзей друзьям друзьями друзьях
брат брата брату братом брате братья братьев братьям братьями братьях
сын сына сыну сыном сыне сыновья сыновей сыновьям сыновьями сыновьях
дочь дочери дочерью дочерей дочерям дочерьми дочерях дочка дочки дочку дочкой дочке дочек дочкам
мать матери матерью матерей матерям матерями матерях
время времени временем времена времен временам временами временах
имя имени именем имена имен именам именами именах
год года году годом годе годы годов годам годами годах
отец отца отцу отцом отце отцы отцов отцам отцами отцах
письмо письма письму письмом письме писем письмам письмами письмах
май мая маю маем мае
чай чая чаю чаем чае чаи чаев
сон сна сну сном сне сны снов снам снами снах
лед льда льду льдом льде льды льдов льдам
лев льва льву львом льве львы львов львам львами львах
пес пса псу псом псе псы псов псам псами псах
рот рта рту ртом рте рты ртов
лоб лба лбу лбом лбе лбы лбов
пень пня пню пнем пне пни пней пням пнями пнях
цветок цветка цветку цветком цветке цветы цветов цветам цветами цветах
щенок щенка щенку щенком щенке щенки щенков щенята щенят щенятам щенятами
котенок котенка котенку котенком котенке котята котят котятам котятами котятах
яйцо яйца яйцу яйцом яйце яиц яйцам яйцами яйцах
большой большая большое большие большого большую большому большим большими больших большой больше
маленький маленькая маленькое маленькие маленького маленькую маленькому маленьким маленькими маленьких
один одна одно одни одного одной одному одну одним одних
два двух двум двумя две
( на под за пере вы о до при рас с у) писать писал писала писало писали пишу пишешь пишет пишем пишете пишут пиши пишите
( с по за рас у под до) казать казал казала казали кажу кажешь кажет кажем кажете кажут кажи кажите
идти иду идешь идет идем идете идут иди идите шел шла шло шли
прийти приду придешь придет придем придете придут приди придите пришел пришла пришло пришли
зайти зайду зайдешь зайдет зайдем зайдете зайдут зайди зайдите зашел зашла зашло зашли
выйти выйду выйдешь выйдет выйдем выйдете выйдут выйди выйдите вышел вышла вышло вышли
найти найду найдешь найдет найдем найдете найдут найди найдите нашел нашла нашло нашли
дойти дойду дойдешь дойдет дойдем дойдете дойдут дойди дойдите дошел дошла дошло дошли
пойти пойду пойдешь пойдет пойдем пойдете пойдут пойди пойдите пошел пошла пошло пошли
уйти уйду уйдешь уйдет уйдем уйдете уйдут уйди уйдите ушел ушла ушло ушли
пройти пройду пройдешь пройдет пройдем пройдете пройдут пройди пройдите прошел прошла прошло прошли
( при по у за до вы пере съ про) ехать еду едешь едет едем едете едут ехал ехала ехало ехали
( с по за) мочь могу можешь может можем можете могут мог могла могло могли
помочь помогу поможешь поможет поможем поможете помогут помоги помогите помог помогла помогло помогли
( за) хотеть хочу хочешь хочет хотим хотите хотят хотел хотела хотело хотели
( у) видеть вижу видишь видит видим видите видят видел видела видело видели
( по у) смотреть смотрю смотришь смотрит смотрим смотрите смотрят смотри смотрел смотрела смотрело смотрели
( у) слышать слышу слышишь слышит слышим слышите слышат слышал слышала слышало слышали
( по) искать ищу ищешь ищет ищем ищете ищут ищи ищите искал искала искало искали
( по подо) ждать жду ждешь ждет ждем ждете ждут жди ждите ждал ждала ждало ждали
( от про пере за вы по со с раз) дать дам дашь даст дадим дадите дадут дай дайте дал дала дало дали
взять возьму возьмешь возьмет возьмем возьмете возьмут возьми возьмите взял взяла взяло взяли
( за вы со пере разо у) брать беру берешь берет берем берете берут бери берите брал брала брало брали
( от за рас пере) крыть крою кроешь кроет кроем кроете кроют крой кройте крыл крыла крыло крыли
( вы по на) пить пью пьешь пьет пьем пьете пьют пей пейте пил пила пило пили
( съ по) есть ем ешь ест едим едите едят ешьте ел ела ело ели
( по про) спать сплю спишь спит спим спите спят спи спите спал спала спало спали
( при у по за вы до пере с) бежать бегу бежишь бежит бежим бежите бегут беги бегите бежал бежала бежало бежали
( при по у вы про) лететь лечу летишь летит летим летите летят лети летел летела летело летели
( при от у вы за пере по под) нести несу несешь несет несем несете несут неси несите нес несла несло несли
( при от у вы за пере по под) везти везу везешь везет везем везете везут вези везите вез везла везло везли
( у) знать знаю знаешь знает знаем знаете знают знай знайте знал знала знало знали
понять пойму поймешь поймет поймем поймете поймут пойми поймите понял поняла поняло поняли
начать начну начнешь начнет начнем начнете начнут начни начните начал начала начало начали
( за по вс) звать зову зовешь зовет зовем зовете зовут зови зовите звал звала звало звали
( за) быть буду будешь будет будем будете будут будь будьте был была было были
( за у о вы рас) платить плачу платишь платит платим платите платят плати платил платила платило платили
( по про у) учить учу учишь учит учим учите учат учи учил учила учило учили
( при вы от) ложить ложу ложишь ложит ложим ложите ложат ложи ложил ложила ложило ложили
"""
ENGLISH_FORMS = """
go goes went gone going
man men
woman women
child children
person people persons
foot feet
tooth teeth
mouse mice
goose geese
knife knives
life lives
wife wives
half halves
leaf leaves
shelf shelves
wolf wolves
analysis analyses
crisis crises
index indices
begin began begun
break broke broken
bring brought
build built
buy bought
catch caught
choose chose chosen
come came
cut cutting
draw drew drawn
drink drank drunk
drive drove driven
eat ate eaten
fall fell fallen
feel felt
fight fought
find found
fly flew flown
forget forgot forgotten
freeze froze frozen
get got gotten
give gave given
grow grew grown
hear heard
hide hid hidden
hold held
keep kept
know knew known
lead led
leave left leaving
lend lent
lose lost
make made
mean meant
meet met
pay paid
read reading
ride rode ridden
ring rang rung
rise rose risen
run ran
say said
see saw seen
sell sold
send sent
shake shook shaken
shoot shot
show shown
sing sang sung
sit sat
sleep slept
speak spoke spoken
spend spent
stand stood
steal stole stolen
swim swam swum
take took taken
teach taught
tell told
think thought
throw threw thrown
understand understood
wake woke woken
wear wore worn
win won
write wrote written
"""


class Stemmers(threading.local):
    """One stemmer per thread, since a stemmer stores the current word in itself."""

    def __init__(self) -> None:
        self.russian = RussianStemmer()
        self.english = EnglishStemmer()


stemmers = Stemmers()


@lru_cache(50_000)
def stem(word: str) -> str:
    """The common stem of a word's forms; the word itself if its forms are unknown."""
    if len(word) > LONGEST:
        return word
    if RUSSIAN.fullmatch(word):
        return by_table(word) or russian(word)
    if ENGLISH.fullmatch(word):
        return by_table(word) or english(word)
    return word


def by_table(word: str) -> str | None:
    """The stem of an irregular word, also with -ся."""
    known = irregular()
    return known.get(word) or (known.get(word[:-2]) if word.endswith(("ся", "сь")) else None)


def russian(word: str) -> str:
    found: str = stemmers.russian.stemWord(word)
    found = found.replace("ь", "")
    found = FLEETING_AFTER_VOWEL.sub(r"\1й\2", found) if FLEETING_AFTER_VOWEL.fullmatch(found) else found
    if fleeting := FLEETING.fullmatch(found):
        found = "".join(fleeting.groups())
    elif epenthetic := EPENTHETIC.fullmatch(found):
        found = epenthetic[1]
    return found if len(found) >= SHORTEST else word


def english(word: str) -> str:
    found: str = stemmers.english.stemWord(word)
    return found if len(found) >= SHORTEST else word


def groups(table: str) -> list[list[str]]:
    """The lines of a table, each as a list of forms; a line with brackets expands to several."""
    found = []
    for line in table.strip().splitlines():
        starts, _, forms = line.rpartition(")")
        # A blank right after the bracket: the words also occur without a prefix.
        alone = [""] if starts.startswith("( ") or not starts else []
        for start in [*alone, *starts.strip("(").split()]:
            found.append([start + form for form in forms.split()])
    return found


@cache
def irregular() -> dict[str, str]:
    """The stem of each form. Made when first needed, for most commands never search."""
    known: dict[str, str] = {}
    for table, rules in ((RUSSIAN_FORMS, russian), (ENGLISH_FORMS, english)):
        for forms in groups(table):
            stem_of_all = rules(forms[0])
            for form in forms:
                # The first line with a form wins.
                known.setdefault(form, stem_of_all)
    return known

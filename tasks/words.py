"""Words that may stand in a box, by what they do to the number beside them."""

import re

from tasks.characters import in_ascii


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# They set a condition, begin a clause, join, compare or deny.
_CLAUSE = _set(
    "when whenever where wherever if iff for with without at given assuming provided unless except otherwise while "
    "until since because as by from such that which whose whom who taking letting let using having putting setting "
    "choosing attained achieved reached obtained occurring under wlog and or nor but to than not never no none "
    "neither about approximately approx around roughly nearly almost least most wrong incorrect false impossible "
    "undefined maybe perhaps possibly probably below above beyond between within exceeding "
    "oder und wenn falls nicht für bei ou et si pas pour où quand o cuando para donde или и не если при для когда где"
)
#: They multiply or change the number before them, or are mathematics.
CHANGE = _set(
    "dozen dozens hundred hundreds thousand thousands lakh lakhs lac lacs crore crores myriad myriads mil mn mln "
    "mio mrd bn tsd gross ten tens eleven twelve twenty thirty forty fifty sixty seventy eighty ninety half halves "
    "third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh sevenths eighth eighths ninth "
    "ninths tenth tenths hundredth hundredths thousandth thousandths mille milles milliers douzaine douzaines "
    "dutzend docena docenas tausend plus minus times over divided multiplied raised power exponent root sqrt log ln "
    "lg exp sin cos tan cot csc sinh cosh tanh arcsin arccos arctan choose chooses permute factorial subfactorial "
    "primorial inverse inverted reciprocal negated negative doubled tripled quadrupled halved double triple "
    "quadruple quintuple sextuple twice thrice fold twofold threefold tenfold ish base binary octal decimal "
    "hexadecimal hex radical infinity infinite infty pi alpha beta gamma delta epsilon zeta theta kappa lambda mu "
    "nu xi rho sigma tau phi chi psi omega recurring repeating point "
    "cientos cento сот сотен сотни сотня пар пара пары квадрате кубе"
)
#: They change it directly behind it; further on they are what is counted or measured ("ordered pairs", "cm squared").
CHANGE_DIRECTLY = _set(
    "squared cubed cube score scores pair pairs couple couples trio trios brace percent percentage pct"
)
#: They measure something together with a unit, and are a power without one.
POWER = _set("square squared cubic cubed sq 平方 立方")
#: A number with one of these is a hundredth of it, and by convention read as itself.
PERCENT = (("percent",), ("per", "cent"), ("pct",))
#: Units and counted things of at most four letters: outside of ``\\text{}`` all others may be products of variables.
SHORT = _set(
    "mm cm dm km nm μm cc ml mg kg lb lbs oz ft yd yds mi in hr hrs min mins sec secs kb mb gb tb hz khz mhz ghz kw "
    "kwh cal kcal pa kpa ev kev mev rad rads deg degs mph kph kmh mol atm bar psi rpm sq cu gal pts usd eur gbp inr "
    "cny rmb yen euro cent feet foot inch mile yard acre ton tons gram day days week year yrs yr hour unit ways way "
    "sets set item step men boys kids cups eggs cars cats dogs cows hens legs pens bags cans jars pies rows dots "
    "bits bit byte coin dime per ha pcs of"
)
#: Letters that units are written with; x, y, n, k and the like are variables even in ``\\text{}``.
UNIT_LETTERS = frozenset("ACFGHJKLNTVWghlmstu")
#: Names of unknowns, in Latin and what looks like it.
VARIABLES = frozenset("xyzху")
#: What a box holds that stands for an answer: "your final answer here". "Right" may be one, beside "left".
PLACEHOLDER = _set(
    "a an the this your my our final numerical integer correct insert put place write enter fill in here goes is box "
    "boxed answer ans answers result solution value number letter option choice content contents something blank as "
    "numeric single xxx qed 答案 你的答案 最终答案 ответ réponse respuesta antwort"
)
#: What a label may consist of without a colon: "The answer is".
LABEL = _set(
    "the final answer ans is are so thus hence therefore result solution value option choice usd eur gbp inr cny rmb "
    "us rs 答案 答案是 答案为"
)

_LARGE = re.compile(r".*ill(?:ion|iard|ones|ón)")
_STEMS = tuple(
    in_ascii(stem)
    for stem in _set(
        "тысяч тыс миллион млн миллиард млрд триллион дюжин десят половин факториал ダース "
        "이상 이하 미만 초과 milion miliard miliar milyon milyar miljo miljard milhã milhõ bilhã bilhõ bilion "
        "tysiąc tysięc tisíc tusen tusind tuha nghìn ngàn triệu ribu juta χιλιάδ εκατομμύρι هزار ألف آلاف الف "
        "مليون ملايين میلیون हज़ार लाख करोड़ พัน หมื่น แสน ล้าน"
    )
)
_SIGNS = frozenset("万萬亿億兆千仟百佰十拾半倍双雙对對打之割乗乘以左余餘多超约約만억조천백십쌍배")
# Kilogram, kilometre, kilowatt, kilocalorie and kilojoule: not thousands.
_KILO = re.compile("千[克米瓦卡焦]")
_CLAUSE_SIGNS = frozenset("当當若如或和与與其")


def changes(word: str, directly: bool) -> bool:
    """Whether ``word`` (casefolded) makes another number of the one before it; ``directly``: no word is between."""
    if word in SHORT:
        return directly and word in CHANGE_DIRECTLY
    return (
        word in CHANGE
        or (directly and (word in CHANGE_DIRECTLY or word[0] == "的"))
        or _LARGE.match(word) is not None
        or word.startswith(_STEMS)
        or not _SIGNS.isdisjoint(_KILO.sub("", word))
        or (len(word) < 5 and any("α" <= letter <= "ω" for letter in word))
    )


def begins_clause(word: str) -> bool:
    """Whether ``word`` (casefolded) sets a condition, begins a clause, joins, compares or denies."""
    return word in _CLAUSE or word[0] in _CLAUSE_SIGNS

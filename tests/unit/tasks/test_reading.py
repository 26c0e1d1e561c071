"""Reading the content of a box as an integer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.reading import MAX_CHARACTERS, read_integer

# Whether a call is quick depends on the machine.
untimed = settings(deadline=None, max_examples=50)

UNITS = [
    "25 см", "25个", "25 cm²", "25千克", "25 平方厘米", "25 лет", "25명", r"25\text{ m}^3", r"25\text{ cm}^{3}",
    "25 km/h", r"25\text{ m}/\text{s}^2", r"25\text{ sq. units}", r"25 \text{ square feet}", r"25\text{ cm squared}",
    r"25\ \text{units}^2", r"25\,\mathrm{kg}", r"25\,\textrm{cm}", r"25 \text{ ordered pairs}", r"25 \text{ people}",
    "25 degrees", r"25^{\circ}C", "25 percent", r"25\text{ per cent}", "25th", r"25^{\text{th}}", r"25\text{ L}",
    r"25 \bmod 1000", r"25 \pmod{7}", "25 m²", "25m³", "25㎡", "25 ㎝", "25℃",
    "25º", "25¢", "25 ₽", r"25\ \mathrm{m\,s^{-1}}", r"25\text{ m s}^{-1}", r"25\,\text{N}\cdot\text{m}",
    r"25\text{ u}^2",
    r"25\text{ kg}\cdot\text{m/s}^2", r"25\ \frac{\text{km}}{\text{h}}", "25 (cm)", "25 [cm]", r"25\ (\text{cm}^2)",
    r"25 \text{ [units]}", "25 years old", "25 red balls", "25 blue marbles", "25 fish", "25 more apples", "25 किलो",
    "25 ตัว",
    "25分钟", "25 分", "25平方千米", "25 μέτρα", "25^{o}", r"25^\text{o}", r"25 \pmod{7}\text{ ways}", "25 ha",
    "25 millimeters",
    "25 por ciento", "25 m/s", "25 m/s^2", "25 liters of water", r"\$25\text{ per hour}", "25 квадратных метров",
    "25 сотрудников", "25 процентов", "25 партий", r"25 (\bmod\ 10^9+7)",
    r"25 \bmod 10^9", "25 millas", "25 mililitros",
]  # fmt: skip
SETTING = [
    "2​5", "25⁠", "\ufeff25", "2\u200d5", r"\LARGE 25", r"\Large{25}", r"{\LARGE\mathbf{25}}", r"25\\", r"25\quad",
    r"\quad 25", r"\underline{\textbf{25}}", r"\text{25 cm}", "€25", "２５", "025.", r"\hspace{1mm}25", r"\small 25",
    r"\textcolor{red}{\mathbf{25}}", r"\pmb{25}", r"25\newline", r"25\hfill", r"25\tag{1}", r"\colorbox{yellow}{25}",
    r"\ensuremath{25}", r"\centering 25", "25\ufe0f", "**25**", "*25*", "`25`", '"25"', "“25”", "「25」", "[25]",
    r"\{25\}",
    r"\left[25\right]", r"25 \checkmark", "25 ✓", r"25\quad\blacksquare", "25:", r"\Rightarrow 25", r"\implies 25",
    "⇒ 25",
    r"\textcolor[rgb]{1,0,0}{25}", r"\color[rgb]{1,0,0}25", r"\fcolorbox{red}{white}{25}", r"\num{25}", r"\ang{25}",
    r"\qty{25}{cm}", r"\begin{aligned}25\end{aligned}", "\n\n25\n\n", r"\boxed{25}", r"\hspace{1cm}25\par",
]  # fmt: skip
LABELS = [
    r"\text{(C) } 25", r"\textbf{(C)}\ 25", r"\textbf{(C) }25", "(C) 25", "C) 25", "A. 25", r"\text{Answer: }25",
    r"\text{Final Answer: } 25", r"\text{The answer is } 25", r"\text{Option C: } 25", "答案：25",
    r"\text{Total: }25",
    r"\textbf{Answer}: 25", r"\text{x = }25", r"\text{The remainder is }25",
    r"\text{Thus, the answer is } 25", r"\therefore 25", "答案是25",
    r"\textbf{(E)} \quad 25", r"\textbf{(E)}: 25", "There are 25 ways", r"\text{There are } 25 \text{ ways}",
    "Rs. 25",
    r"\text{Rs. } 25", r"US\$25", "USD 25", r"\text{Answer: }\boxed{25}",
]  # fmt: skip
EQUATIONS = [
    r"\text{Area} = 25", r"10\text{ cm}+15\text{ cm}=25\text{ cm}", "1000a+b = 25", "2ab+b^2=25", r"|x-3| = 25",
    r"\sum_{k=1}^{5} k = 25", r"1024 \bmod 999 = 25", r"\log_2 8 = 25", "(x=25)", r"\mathbf{x=25}",
    r"\angle ABC = 25^\circ", r"a_{n=3} = 25", "f(x=3) = 25", r"x=25\\", "N=25,",
    r"\begin{align*} x &= 25 \end{align*}", r"2x=50 \implies x=25", r"2x=50 \therefore x=25", "10 см + 15 см = 25 см",
    "3 apples + 22 apples = 25 apples", "10厘米+15厘米=25厘米", r"(x) = (25)", r"x = \boxed{25}",
]  # fmt: skip

CONDITIONS = [
    r"25 \text{ when } n=3", r"25 \text{ for } n = 3", r"25 \text{ if } n = 3", r"25 \text{ at } n=3",
    r"25 \text{ where } n=3", r"25 \text{ with } n=3", r"25 \text{ given } n=3", r"25 \text{ taking } n=3",
    r"25 \text{ (achieved at } n = 3)", r"25\text{ when n=3}", "25 when n = 3", "25 if n=3", r"25, \text{ when } n=3",
    r"25\text{, where }n=3", "25, n=3", "25; n=3", "25: n=3", r"25 \quad n=3", r"25\\n=3", r"25\mid n=3", "25 (n=3)",
    r"25 \quad (n=3)", "25 [n=3]", r"25 \{n=3\}", "25_{n=3}", r"25_\text{n=3}", r"25_\mathrm{n=3}", r"f|_{n=3}",
    r"25\;\Big|_{n=3}", r"\underset{n=3}{25}",
    r"\text{max } 25 \text{ at } n=3", r"x=25 \\ n=3", r"\min = 25 \text{ at } n = 3", r"f(2)=25 \text{ for } n = 3",
    r"25 \text{ when } n \equiv 3", r"25 \text{ for all } n \geq 3", r"25 \text{ if } n \text{ is odd}",
    r"25 \iff n=3", r"25 \impliedby n = 3", r"25 \Leftarrow n=3", r"25 \land n=3", r"25 \vert n=3", r"25 \colon n=3",
    r"25 \hspace{1cm} n=3", "25 при n=3", "25 если n=3", "25 当 n=3", "25当n=3", "25 wenn n=3", "25 für n=3",
    "25 si n=3",
    "25 pour n=3", "25 cuando n=3", r"25 \forall n=3", r"25 \because n=3", "25 ∵ n=3", "25\n\nn=3", r"25\par n=3",
]  # fmt: skip
PRODUCTS = [
    "25x", "25xy", "25 xy", "25abc", "25 abcd", "25 wxyz", "25 pqrst", "25 n", "25 a b", "25π", "25θ", r"25\pi",
    r"25\text{x}", r"25\text{xy}", r"25\mathbf{x}", "25x^2", "25 x^2", r"25\cdot x", "25⁢5", "25e", "25i",
    r"25 \text{ units of } x", "25rs", "25 m", "25m^2", "25 х",
    "25 prt", "25fish", "25 ab", "25 abd", "25ⁿ", "25ᵏ", "25x̄", "25αβ", r"25\frac{x}{y}", r"25\cdot\text{x}", "25(x)",
    "25(ab)",
]  # fmt: skip
CHANGED = [
    "25 squared", "25 cubed", "25 square", r"25\text{ squared}", "25 factorial", r"25\text{ choose } k", "25 dozen",
    "25 score", "25 pairs", "25 couple", "25 gross", "25 half", "25 halves", "25 thirds", "25 hundredths", "25 tens",
    r"25\text{ and a half}", "25 thousand", "25 million", "25 trillion", "25k", r"25\text{ million dollars}",
    "25 percent of x", r"25\% \text{ of } 80", "25 times", "25 plus", "25 inverse", "25 root", "25 square root",
    r"25\text{th root}", r"25 \text{ to the power } k", "25 fold", "25 double", "25 base seven", r"25\text{ base } 7",
    "25_7", "25万", "25亿", "25对", "25的平方", "25 тысяч", "25 млн", "25 пар", "25만", "25ダース", "25平方",
    "25の二乗", "25!", r"25\text{!}", r"25 \bmod 7", "25²", "25½", r"25\sqrt{2}", "25…", r"25\ldots", "25 or more",
    "25...", "25 millionths", "25 milliards", "25 cientos", "25 millones", "25 milhões", "25 miljoen", "25 milyon",
    "25 milionów", "25 tysięcy", "25 tisíc", "25 tusen", "25 nghìn", "25 triệu", "25 ألف", "25 مليون", "25 هزار",
    "25 हज़ार", "25 लाख", "25 พัน", "25 ล้าน", "25 χιλιάδες", "25以上", "25 сотен", "25 point five", "25 per thousand",
    "25 per x", "25 of n", "25 m/n", "25 percent of them", "25 в квадрате", "25左右",
    "25个以上", "25或更多", "25 이상",
    "25 oder mehr",
    r"25\text{ ou plus}", "25 или более", r"25\text{ maybe}", "25 recurring", r"25 \pmod 7 \text{ and } 3",
    r"25\pmod{7} + 2",
    r"25 \pmod 7 \text{ or } 5 \pmod 7", r"25 \pmod{7}, 5 \pmod{7}", r"25 (\text{mod }7), n>3", r"25 \pmod 7 \cdot 4",
    r"25 \mod 70 \times 4", r"25\cdot", r"25\frac{\text{units}}{2}", r"25\text{ cm}^{4}", "25^0", "(25]", "25(2)",
]  # fmt: skip
DENIED = [
    r"\text{not } 25", r"\text{not: } 25", r"\text{approximately } 25", r"\approx 25", r"\text{at least } 25",
    r"\text{minus } 25", r"-(25)", "3:25", r"\text{half: } 25", r"\overline{25}", r"\sqrt{25}", "(3) 25", "n 25",
    r"x \not= 25", r"x\not\equiv 25", "x ≠ 25", "x =\u0338 25", r"\text{maybe: }25", "There are not 25",
    "There are at least 25",
    r"\text{n is below } 25", r"\text{It is twice: } 25", "(25)(3)", '"25" and "30"', "2**5", "2 ** 500", "No. 25",
]  # fmt: skip


@pytest.mark.parametrize("content", [*UNITS, *SETTING, *LABELS, *EQUATIONS])
def test_what_leaves_a_number_as_it_is_is_dropped(content: str) -> None:
    assert read_integer(content) == 25


@pytest.mark.parametrize("content", [*CONDITIONS, *PRODUCTS, *CHANGED, *DENIED])
def test_what_makes_another_thing_of_a_number_is_no_integer(content: str) -> None:
    assert read_integer(content) is None


@pytest.mark.parametrize(
    ("content", "value"),
    [("21st", 21), ("22nd", 22), ("13th", 13), ("25st", None), ("25nd", None), ("-25 cm", -25), ("- 25", -25)],
)
def test_endings_of_ordinals_and_signs(content: str, value: int | None) -> None:
    assert read_integer(content) == value


@untimed
@given(st.integers(0, 10**15))
def test_thousands_separators_do_not_change_a_number(value: int) -> None:
    for separator in (",", r"\,", "{,}", " "):
        assert read_integer(f"{value:,}".replace(",", separator)) == value


@untimed
@given(st.integers(-(10**17), 10**17), st.sampled_from([one.replace("25", "%d") for one in (*LABELS, *EQUATIONS)]))
def test_any_integer_is_read_as_25_is(value: int, form: str) -> None:
    assert read_integer(form.replace("%d", str(value))) == value


@untimed
@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*UNITS, *LABELS, *CONDITIONS, "=", "{", "}", "\\"])).map("".join)
)
def test_reading_is_total(content: str) -> None:
    value = read_integer(content)
    assert value is None or read_integer(str(value)) == value


@pytest.mark.parametrize(
    "between", [r"\therefore", r"\par", r"\linebreak", r"\hfill", r"\qed", "\n\n", r"\quad", "**", ";"]
)
def test_what_parts_two_numbers_is_no_thousands_separator(between: str) -> None:
    assert read_integer(f"2 {between} 500") is None
    assert read_integer(r"2 \boxed{500}") is None


def test_there_is_an_end_to_what_is_read() -> None:
    assert read_integer("0" * (MAX_CHARACTERS - 2) + "25") == 25
    assert read_integer("0" * (MAX_CHARACTERS - 1) + "25") is None
    assert read_integer("9" * 18) == 10**18 - 1 and read_integer("9" * 19) is None

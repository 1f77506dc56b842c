"""Turns the rows of the catalogue files into the written forms of every place; called by `gazetteer` at start."""

import re
from collections.abc import Iterable, Iterator

from bot.normalise import fold, is_syllable, strip_accents
from cases.place_types import Entry, Grade, Name, Unit, UnitRef, What

Row = dict[str, str]

_UNIT_WORDS = ("phường", "xã", "thị trấn", "quận", "huyện", "thị xã", "thành phố")
_FAMILY_NAMES = frozenset(
    "nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đào đinh mai tô trương lương doãn mạc khuất"
    " châu phùng tạ nghiêm trịnh tống đoàn hà cao thái lưu chu triệu tôn hàn đàm âu bế cù ngụy lâm bạch vương"
    " văn".split()
)


def cut_name(text: str) -> tuple[str, ...]:
    """The words of a name, without accents."""
    return tuple(re.findall(r"[^\W_]+", fold(text)))


def _bare(name: str) -> tuple[str, str]:
    """The unit word and the name: ("phường", "kim liên")."""
    folded = " ".join(cut_name(name))
    word = next(word for word in _UNIT_WORDS if folded.startswith(word + " "))
    return word, folded.removeprefix(word + " ")


def _grade(name: str, grades: dict[str, str], *, person: bool, rural: bool = False) -> Grade:
    words = name.split()
    if len(words) == 1 or grades.get(name) == "common":
        return Grade.COMMON
    if grades.get(name) == "name" or rural or (person and words[0] in _FAMILY_NAMES):
        return Grade.NAME
    return Grade.DISTINCT


def unit_names(
    rows: Iterable[Row],
    refs: dict[tuple[str, str], UnitRef],
    areas_of_ward: dict[str, tuple[UnitRef, ...]],
    grades: dict[str, str],
) -> Iterator[Name]:
    """Names of the city, the old districts and the wards of today."""
    for row in rows:
        ref = refs[row["level"], row["code"]]
        unit_word, name = _bare(row["name"])
        if ref.kind == "city":
            yield from (
                Name(cut_name(form), Entry(What.CITY)) for form in (name, "hn", "hnoi", "hanoi", "thủ đô hà nội")
            )
        elif ref.kind == "area":
            entry = Entry(What.AREA, (ref,), (), False, _grade(name, grades, person=False), unit_word)
            yield Name(cut_name(name), entry)
            yield from _area_abbreviations(ref.slug, entry)
        else:
            grade = _grade(name, grades, person=True, rural=unit_word != "phường")
            entry = Entry(What.WARD, areas_of_ward[ref.id], (ref,), True, grade, unit_word)
            yield from (Name(cut_name(form), entry) for form in _hyphen_forms(name))


_ABBREVIATIONS = {
    "ba_dinh": "bđ", "hoan_kiem": "hk", "tay_ho": "th", "long_bien": "lb", "cau_giay": "cg", "dong_da": "đđ",
    "hai_ba_trung": "hbt", "hoang_mai": "hm", "thanh_xuan": "tx", "nam_tu_liem": "ntl", "bac_tu_liem": "btl",
    "ha_dong": "hđ",
}  # fmt: skip


def _area_abbreviations(slug: str, entry: Entry) -> Iterator[Name]:
    if slug in _ABBREVIATIONS:
        yield Name(
            (_ABBREVIATIONS[slug],), Entry(What.AREA, entry.areas, grade=Grade.COMMON, unit_word=entry.unit_word)
        )
    if slug == "hai_ba_trung":
        yield Name(("hai", "bà"), Entry(What.AREA, entry.areas, grade=Grade.COMMON))
    if slug.endswith("_tu_liem"):
        # People still say the district that was divided in 2013; both halves are meant.
        yield Name(("từ", "liêm"), Entry(What.AREA, entry.areas, grade=Grade.NAME, unit_word="huyện"))


def _hyphen_forms(name: str) -> tuple[str, ...]:
    return (name, "văn miếu", "quốc tử giám") if name == "văn miếu quốc tử giám" else (name,)


def old_ward_names(rows: Iterable[Row], refs: dict[tuple[str, str], UnitRef], grades: dict[str, str]) -> Iterator[Name]:
    """Names of the wards and communes until 30 June 2025, with the wards they became."""
    for row in rows:
        kinds = dict(target.split() for target in row["targets"].split("; "))
        order = sorted(kinds, key=lambda code: (code != row["suggested_code"], kinds[code] == "part_area_only"))
        wards = tuple(refs["ward", code] for code in order)
        settled = row["basis"] in ("only_target", "whole_population")
        area = refs["area", row["area_code"]]
        for form in [row["name"], *filter(None, row["former_names"].split("; "))]:
            unit_word, name = _bare(form)
            grade = _grade(name, grades, person=True, rural=unit_word != "phường")
            # A name given up earlier is only part of the later ward, so its target is asked.
            sure = settled and (len(wards) == 1 or form == row["name"])
            yield Name(cut_name(name), Entry(What.OLD_WARD, (area,), wards, sure, grade, unit_word))


_PREFIXES = {
    "kđt": ("khu đô thị", "khu đt", "đô thị", "chung cư", "cc", "khu", ""),
    "chung cư": ("cc", "nhà chung cư", "tòa nhà"),
    "tập thể": ("khu tập thể", "ktt", "tt", "chung cư cũ"),
    "bệnh viện": ("bv", "viện"),
    "đại học": ("trường đại học", "đh", "trường đh", "trường"),
    "học viện": ("hv",),
    "trường thpt": ("thpt", "cấp 3", "trường cấp 3", "trung học phổ thông"),
    "trường thcs": ("thcs", "cấp 2", "trường cấp 2", "trung học cơ sở"),
    "trường tiểu học": ("tiểu học", "cấp 1", "trường cấp 1"),
    "công viên": ("cv",),
    "bến xe": ("bx",),
    "sân vận động": ("svđ", "sân"),
    "vinhomes": ("chung cư", ""),
    "khu công nghiệp": ("kcn",),
    "kcn": ("khu công nghiệp",),
    "cụm công nghiệp": ("ccn",),
    "quốc lộ": ("ql",),
    "tỉnh lộ": ("tl",),
    "ga": ("nhà ga", "ga tàu", "ga metro", "ga tàu điện"),
    "chợ": ("khu chợ",),
    "làng": ("thôn",),
    "trung tâm hội nghị": ("tthn",),
}
_SETTLING_KINDS = frozenset(("landmark", "hospital", "university", "market", "urban_area", "school", "station"))
# A name that opens with its kind ("chợ Mơ", "công viên ...") says by itself that it is a place.
_KIND_WORDS = frozenset(
    "khu kđt đô chung cc tập tổ chợ hồ chùa ga bến cầu công làng thôn bệnh viện trường đại đh hv học thpt thcs tiểu"
    " cấp ngã kcn cụm ccn bãi nhà nút hầm vincom nghĩa đền đình dốc sân quốc tỉnh ql tl cao vành bảo phủ cung vườn"
    " quảng bưu tượng cảng đầm núi động thư trung khách cống đập trạm tháp rạp siêu aeon lotte mega ký bv bx svđ lăng"
    " tòa điểm cv đường phố ngõ trung vinhomes chùa cột pháo".split()
)
# Without marks these two-word names read as everyday words: "cho mai" (wait till tomorrow), "ho tay" (their hands).
_SHORT_KINDS = frozenset("chợ hồ ga cầu làng thôn chùa đền đình dốc đầm núi".split())


def place_names(rows: Iterable[Row], tree: Iterable[Unit], grades: dict[str, str]) -> Iterator[Name]:
    """Names of streets, markets, lakes and the like."""
    by_slug = {(unit.ref.kind, unit.ref.slug): unit.ref for unit in tree}
    for row in rows:
        areas = tuple(by_slug["area", slug] for slug in row["areas"].split())
        wards = tuple(by_slug["ward", slug] for slug in row["wards"].split())
        what = What.STREET if row["kind"] == "street" else What.PLACE
        settled = row["kind"] in _SETTLING_KINDS and row["ward_certainty"] == "high" and len(areas) == len(wards) == 1
        for form in dict.fromkeys(_place_forms(row)):
            grade = _place_grade(form, row, grades)
            needs_marks = what is What.PLACE and _reads_otherwise(form)
            yield Name(
                cut_name(form), Entry(what, areas, wards, settled, grade, weak=row["certainty"] != "high"), needs_marks
            )


def _place_grade(form: str, row: Row, grades: dict[str, str]) -> Grade:
    words = form.split()
    if row["kind"] == "street":
        ruled = _grade(form, grades, person=True)
        return min(ruled, _GRADES[row["grade"]]) if row["grade"] else ruled
    if words[0] in _KIND_WORDS and len(words) > 1:
        return _grade(form, grades, person=False)
    if len(words) == 1:
        # "keangnam", "gamuda" are no Vietnamese words; "noi" or "lan" would be.
        return Grade.NAME if len(form) > 5 and not is_syllable(strip_accents(form)) else Grade.COMMON
    return _grade(form, grades, person=bool(row["grade"]), rural=bool(row["grade"]) and len(words) < 3)


_GRADES = {"common": Grade.COMMON, "name": Grade.NAME, "distinct": Grade.DISTINCT}


def _reads_otherwise(form: str) -> bool:
    words = form.split()
    return len(words) == 2 and words[0] in _SHORT_KINDS and form not in ("hồ tây", "hồ gươm", "bờ hồ")


def _place_forms(row: Row) -> Iterator[str]:
    for text in [row["name"], re.sub(r"\(.*?\)", "", row["name"]), *filter(None, row["aliases"].split("; "))]:
        full = " ".join(cut_name(text))
        yield full
        shorter = full.removesuffix(" hà nội")
        # "Đại học Hà Nội" is a name of its own: only a name that stays a name may lose the city.
        if len(shorter.split()) < 3:
            shorter = full
        yield shorter
        for prefix, others in _PREFIXES.items():
            if full.startswith(prefix + " "):
                rest = shorter.removeprefix(prefix + " ")
                yield from (f"{other} {rest}" for other in others if other)
                if "" in others and not row["grade"]:
                    yield rest


def outside_names(rows: Iterable[Row]) -> Iterator[Name]:
    """Names of places outside Hà Nội."""
    for row in rows:
        # A district of another city is only taken after its unit word: its name is a street or a person's here.
        grade = {"place": Grade.DISTINCT, "district": Grade.COMMON}.get(row["kind"], Grade.NAME)
        yield Name(cut_name(row["name"]), Entry(What.OUTSIDE, grade=grade, unit_word=row["kind"]))

"""A Vietnamese administrative document in Word: page, heads, tables, signature by Nghị định 30/2020/NĐ-CP, Phụ lục I.

Called by monthly_report, which fills it.
"""

from collections.abc import Sequence
from typing import Any

from docx import Document
from docx.document import Document as _Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.text.paragraph import Paragraph

Paper = _Document
FONT = "Times New Roman"
LEFT, CENTRE, RIGHT = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT
WIDTH, NAMES = 16.0, 4.6  # centimetres: of a page, and of the first column of a table
LINE = "────────"  # the rule under the name of the body and under the motto


def new_paper() -> Paper:
    """An empty A4 page: margins 20-30-20-20 mm, 13 pt, the page number above from the second page on."""
    paper = Document()
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.top_margin = section.bottom_margin = section.right_margin = Cm(2)
    section.left_margin = Cm(3)
    section.different_first_page_header_footer = True
    _number_pages(section.header.paragraphs[0])
    normal: Any = paper.styles["Normal"]
    normal.font.name, normal.font.size = FONT, Pt(13)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    normal.paragraph_format.space_after = Pt(6)
    return paper


def add_masthead(paper: Paper, body: Sequence[str], number: str, nation: Sequence[str], day: str) -> None:
    """Who writes on the left, the nation and its motto on the right, number and day below them."""
    table = paper.add_table(rows=2, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _set_widths(table, (Cm(6.2), Cm(10.4)))
    above, own = body
    left, right = table.rows[0].cells
    _lines(left, ((above, 12, False, False), (own, 12, True, False), (LINE, 8, False, False)))
    _lines(right, ((nation[0], 12, True, False), (nation[1], 13, True, False), (LINE * 2, 8, False, False)))
    left, right = table.rows[1].cells
    _lines(left, ((number, 13, False, False),))
    _lines(right, ((day, 13, False, True),))


def add_title(paper: Paper, title: str, *subjects: str) -> None:
    """The name of the paper and what it is about, in the middle, with a line below."""
    for place, text in enumerate((title, *subjects)):
        say(paper, text, align=CENTRE, bold=True, size=14, before=12 if place == 0 else 0)
    say(paper, LINE, align=CENTRE, size=8)


def say(
    paper: Paper,
    text: str,
    *,
    align: Any = None,
    bold: bool = False,
    italic: bool = False,
    size: int = 13,
    before: int = 0,
) -> None:
    """A paragraph; without `align` it is running text, indented and justified."""
    paragraph = paper.add_paragraph()
    paragraph.paragraph_format.space_before = Pt(before)
    if align is None:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        paragraph.paragraph_format.first_line_indent = Cm(1)
    else:
        paragraph.alignment = align
    _run(paragraph, text, size, bold, italic)


def add_head(paper: Paper, text: str) -> None:
    """A heading that stays on the page of what follows it."""
    say(paper, text, align=LEFT, bold=True, before=8)
    paper.paragraphs[-1].paragraph_format.keep_with_next = True


def add_table(paper: Paper, caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with its caption above, heads repeated on every page; the last row is the sum and set in bold."""
    add_caption(paper, caption)
    table = paper.add_table(rows=1, cols=len(heads))
    table.style, table.alignment = "Table Grid", WD_TABLE_ALIGNMENT.CENTER
    _fill(table.rows[0].cells, heads, bold=True)
    repeat = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeat)
    for place, row in enumerate(rows):
        _fill(table.add_row().cells, row, bold=place == len(rows) - 1)
    rest = (WIDTH - NAMES) / (len(heads) - 1) if len(heads) > 1 else WIDTH
    _set_widths(table, (Cm(NAMES), *(Cm(rest) for _ in heads[1:])))
    say(paper, "", align=LEFT, size=6)


def add_signature(paper: Paper, recipients: Sequence[str], signer: Sequence[str]) -> None:
    """Recipients on the left, who signs on the right."""
    table = paper.add_table(rows=1, cols=2)
    left, right = table.rows[0].cells
    _lines(
        left, tuple((text, 12 if place == 0 else 11, place == 0, place == 0) for place, text in enumerate(recipients))
    )
    for paragraph in left.paragraphs:
        paragraph.alignment = LEFT
    _lines(right, ((signer[0], 13, True, False), (signer[1], 12, False, True)))


def add_caption(paper: Paper, text: str) -> None:
    """Above a table or a chart, on the same page as it."""
    say(paper, text, align=CENTRE, bold=True, size=12, before=6)
    paper.paragraphs[-1].paragraph_format.keep_with_next = True


def _set_widths(table: Any, widths: Sequence[Any]) -> None:
    """Word looks at every cell, LibreOffice at the columns."""
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
        for cell in column.cells:
            cell.width = width


def _fill(cells: Sequence[Any], texts: Sequence[str], *, bold: bool) -> None:
    for place, (cell, text) in enumerate(zip(cells, texts, strict=True)):
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.alignment = LEFT if place == 0 else RIGHT
        _run(paragraph, text, 11, bold, False)


def _lines(cell: Any, lines: Sequence[tuple[str, int, bool, bool]]) -> None:
    for place, (text, size, bold, italic) in enumerate(lines):
        paragraph = cell.paragraphs[0] if place == 0 else cell.add_paragraph()
        paragraph.alignment = CENTRE
        paragraph.paragraph_format.space_after = Pt(0)
        _run(paragraph, text, size, bold, italic)


def _run(paragraph: Paragraph, text: str, size: int, bold: bool, italic: bool) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.bold, run.italic = Pt(size), bold, italic


def _number_pages(paragraph: Paragraph) -> None:
    paragraph.alignment = CENTRE
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)

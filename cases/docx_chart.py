"""A column or bar chart inside a Word file, as Word itself draws it: it prints sharp and uses the document's font.

python-docx has no charts; a chart is a part of its own (DrawingML) named by a paragraph. Called by monthly_report.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from docx.document import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Cm

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
COLOURS = ("0B4F6C", "E0A030")
CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
INLINE = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
Series = tuple[str, Sequence[int]]


def add_chart(
    document: Document, title: str, names: Sequence[str], series: Sequence[Series], *, lying: bool = False
) -> None:
    """Put a chart at the end of the document; `title` is also what a screen reader says."""
    number = sum(part.content_type == CONTENT_TYPE for part in document.part.package.iter_parts()) + 1
    blob = _chart_xml(names, series, lying).encode()
    part = Part(PackURI(f"/word/charts/chart{number}.xml"), CONTENT_TYPE, blob, document.part.package)
    relation = document.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
    height = Cm(1.6 + 0.62 * len(names)) if lying else Cm(6.5)
    run = document.add_paragraph().add_run()
    run._r.append(parse_xml(_drawing_xml(relation, title, number, Cm(16), height)))


def _drawing_xml(relation: str, title: str, number: int, width: int, height: int) -> str:
    said = escape(title, {'"': "&quot;"})
    return (
        f'<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f'<wp:inline xmlns:wp="{INLINE}" distT="0" distB="0" distL="0" distR="0">'
        f'<wp:extent cx="{int(width)}" cy="{int(height)}"/>'
        f'<wp:docPr id="{100 + number}" name="Chart {number}" descr="{said}"/><wp:cNvGraphicFramePr/>'
        f'<a:graphic xmlns:a="{DRAWING}"><a:graphicData uri="{CHART}">'
        f'<c:chart xmlns:c="{CHART}" xmlns:r="{RELATIONS}" r:id="{relation}"/>'
        f"</a:graphicData></a:graphic></wp:inline></w:drawing>"
    )


def _chart_xml(names: Sequence[str], series: Sequence[Series], lying: bool) -> str:
    drawn = "".join(_series_xml(place, name, values, names) for place, (name, values) in enumerate(series))
    legend = '<c:legend><c:legendPos val="b"/><c:overlay val="0"/></c:legend>' if len(series) > 1 else ""
    # A lying chart counts its names from the bottom unless told otherwise.
    order, across, up = ("maxMin", "l", "t") if lying else ("minMax", "b", "l")
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<c:chartSpace xmlns:c="{CHART}" xmlns:a="{DRAWING}"><c:roundedCorners val="0"/><c:chart>'
        f'<c:autoTitleDeleted val="1"/><c:plotArea><c:layout/><c:barChart><c:barDir val="{"bar" if lying else "col"}"/>'
        f'<c:grouping val="clustered"/><c:varyColors val="0"/>{drawn}<c:gapWidth val="50"/>'
        f'<c:axId val="1"/><c:axId val="2"/></c:barChart>'
        f'<c:catAx><c:axId val="1"/><c:scaling><c:orientation val="{order}"/></c:scaling><c:delete val="0"/>'
        f'<c:axPos val="{across}"/><c:tickLblPos val="nextTo"/><c:crossAx val="2"/></c:catAx>'
        f'<c:valAx><c:axId val="2"/><c:scaling><c:orientation val="minMax"/><c:min val="0"/></c:scaling>'
        f'<c:delete val="0"/><c:axPos val="{up}"/><c:majorGridlines/><c:numFmt formatCode="#,##0" sourceLinked="0"/>'
        f'<c:tickLblPos val="nextTo"/><c:crossAx val="1"/></c:valAx></c:plotArea>{legend}'
        f'<c:plotVisOnly val="1"/></c:chart><c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="900"/></a:pPr>'
        f'<a:endParaRPr lang="vi-VN"/></a:p></c:txPr></c:chartSpace>'
    )


def _series_xml(place: int, name: str, values: Sequence[int], names: Sequence[str]) -> str:
    return (
        f'<c:ser><c:idx val="{place}"/><c:order val="{place}"/>'
        f"<c:tx><c:strRef><c:f>S!$A${place + 1}</c:f>{_cache('str', [name])}</c:strRef></c:tx>"
        f'<c:spPr><a:solidFill><a:srgbClr val="{COLOURS[place]}"/></a:solidFill></c:spPr><c:invertIfNegative val="0"/>'
        f'<c:dLbls><c:showLegendKey val="0"/><c:showVal val="1"/><c:showCatName val="0"/><c:showSerName val="0"/>'
        f'<c:showPercent val="0"/><c:showBubbleSize val="0"/></c:dLbls>'
        f"<c:cat><c:strRef><c:f>S!$B$1</c:f>{_cache('str', names)}</c:strRef></c:cat>"
        f"<c:val><c:numRef><c:f>S!$C$1</c:f>{_cache('num', list(map(str, values)))}</c:numRef></c:val></c:ser>"
    )


def _cache(kind: str, values: Sequence[str]) -> str:
    points = "".join(f'<c:pt idx="{place}"><c:v>{escape(value)}</c:v></c:pt>' for place, value in enumerate(values))
    return f'<c:{kind}Cache><c:ptCount val="{len(values)}"/>{points}</c:{kind}Cache>'

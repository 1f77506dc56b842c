"""Writing rows of cases into CSV and XLSX files, a piece at a time; called by the worker's exporter."""

import csv
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from cases.export import MOMENT, NUMBER, Cell, Column

BOM = "\ufeff"  # without it Excel reads Vietnamese letters as something else
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HA_NOI = 7 * 3600  # seconds ahead of UTC, all year
EXCEL_EPOCH = 25569  # the day 1970-01-01 in a spreadsheet
MOST_ROWS = 1_048_575  # of a sheet, without the heading
EVERY = 2000  # rows between two words of progress
Progress = Callable[[int], None]


class TooManyRowsError(Exception):
    """A sheet cannot hold them: ask for fewer, or for CSV. Not worth a retry."""


def write_csv(path: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], progress: Progress) -> None:
    """UTF-8 with a byte order mark, without which Excel misreads Vietnamese."""
    kinds = [column.kind for column in columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BOM)
        writer = csv.writer(file)
        writer.writerow([safe(column.heading) for column in columns])
        for number, row in enumerate(rows, 1):
            writer.writerow([_text(kind, cell) for kind, cell in zip(kinds, row, strict=True)])
            if not number % EVERY:
                progress(number)


def write_xlsx(path: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], progress: Progress) -> None:
    """One sheet, written row by row: memory does not grow with it. Strings stay strings, never formulas or links."""
    options = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False}
    book = xlsxwriter.Workbook(str(path), {**options, "strings_to_urls": False, "strings_to_numbers": False})
    sheet = book.add_worksheet("Hồ sơ")
    bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    for place, column in enumerate(columns):
        sheet.set_column(place, place, 17 if column.kind == MOMENT else 14)
        sheet.write_string(0, place, column.heading, bold)
    sheet.freeze_panes(1, 1)
    kinds = [column.kind for column in columns]
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise TooManyRowsError
        _write_row(sheet, number, kinds, row, moment)
        if not number % EVERY:
            progress(number)
    book.close()


def safe(cell: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; a leading apostrophe makes it text."""
    return "'" + cell if cell.startswith(FORMULA) else cell


def _write_row(sheet: Any, number: int, kinds: Sequence[str], row: Sequence[Cell], moment: Any) -> None:
    for place, cell in enumerate(row):
        if cell is None or cell == "":
            continue
        if kinds[place] == MOMENT:
            sheet.write_number(number, place, (int(cell) + HA_NOI) // 60 / 1440 + EXCEL_EPOCH, moment)
        elif kinds[place] == NUMBER:
            sheet.write_number(number, place, cell)
        else:
            sheet.write_string(number, place, str(cell))


def _text(kind: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if kind == MOMENT:
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(int(cell) + HA_NOI))
    return str(cell) if isinstance(cell, int) else safe(cell)

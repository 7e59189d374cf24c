"""Tasks about dates: text dates among real ones, month ends, ageing."""

from calendar import monthrange
from datetime import datetime, timedelta

from mini_book import CELL_LEVEL, CITIES, PRODUCTS, Book, Cell, Dice, Formula, MiniTask, Sheet


def as_typed(day: datetime, dice: Dice) -> Cell:
    """About half of the dates come as day-first text, as an import leaves them."""
    forms = ("%d/%m/%Y", "%d.%m.%Y", "%d/%m/%Y ")
    return day if dice.number(1, 2) == 1 else day.strftime(dice.pick(forms))


def days_to_deliver() -> MiniTask:
    dice = Dice(11)
    ordered = [datetime(2024, 2, 1) + timedelta(days=4 * n + dice.number(0, 3)) for n in range(18)]
    taken = [dice.number(1, 40) for _ in ordered]
    delivered = [day + timedelta(days=n) for day, n in zip(ordered, taken, strict=True)]
    sheet = Sheet("Log")
    last = sheet.table(
        1,
        ["Order", "Ordered", "Delivered", "Days", "City"],
        [
            (f"L-{n}", as_typed(a, dice), as_typed(b, dice), None, dice.pick(CITIES))
            for n, (a, b) in enumerate(zip(ordered, delivered, strict=True), start=70)
        ],
        ["", "date", "date"],
    )
    sheet.put(f"A{last + 2}", "Dates are day/month/year", "note")
    book = Book([sheet])
    gold = book.copy()
    for row, days in enumerate(taken, start=2):
        gold["Log"].put(f"D{row}", days)
    return MiniTask(
        9012,
        CELL_LEVEL,
        "D2:D19",
        "How many days did each delivery take? Column D should have the days between Ordered and "
        "Delivered. Subtracting works for a few rows, others give #VALUE! because part of "
        "the dates came in from another program as text (we write the day first here).",
        book,
        gold,
    )


def age_open_items() -> MiniTask:
    dice = Dice(12)
    today = datetime(2024, 6, 30)
    late = [dice.number(-12, 120) for _ in range(17)] + [0, 30, 31]
    due = [today - timedelta(days=days) for days in late]
    readme = Sheet("Read me")
    readme.put("A1", "Buckets: not due, 0-30, 31-60, 61-90, over 90 days past the due date")
    readme.put("A2", "Count the days up to the date in B1 of the other sheet")
    sheet = Sheet("Open items")
    sheet.row(1, ["As of", today], ["", "date"])
    sheet.table(
        4,
        ["Item", "City", "Due", "Amount", "Bucket"],
        [
            (f"R-{n}", dice.pick(CITIES), as_typed(day, dice), dice.money(20, 900))
            for n, day in enumerate(due, start=410)
        ],
        ["", "", "date", "money"],
    )
    book = Book([sheet, readme])
    gold = book.copy()
    for row, days in enumerate(late, start=5):
        gold["Open items"].put(f"E{row}", bucket(days))
    return MiniTask(
        9109,
        CELL_LEVEL,
        "'Open items'!E5:E24",
        "I have to sort our open items by how long they are overdue. Column E should name the "
        "bucket as described on the Read me sheet, counted up to the date in B1 (not today "
        "please). Half of the due dates are not real dates, they were pasted as day/month/year "
        "text.",
        book,
        gold,
    )


def bucket(days: int) -> str:
    if days < 0:
        return "not due"
    for low, high in ((0, 30), (31, 60), (61, 90)):
        if low <= days <= high:
            return f"{low}-{high}"
    return "over 90"


def due_at_month_end() -> MiniTask:
    dice = Dice(13)
    sheet = Sheet("Invoices")
    sheet.title("Invoices sent", "A1:D1")
    sheet.put("A2", "Terms: end of the month after the invoice", "note")
    rows: list[tuple[Cell, ...]] = []
    days: list[datetime | None] = []
    for n in range(16):
        day = None if n in (6, 13) else datetime(2023, 11, 2) + timedelta(days=11 * n)
        days.append(day)
        rows.append((f"S-{900 + n}", day, f"{dice.pick(PRODUCTS)}s", None))
    sheet.table(4, ["Invoice", "Date", "For", "Due"], rows, ["", "date"])
    book = Book([sheet])
    gold = book.copy()
    for row, invoiced in enumerate(days, start=5):
        if invoiced:
            year, month = divmod(invoiced.year * 12 + invoiced.month, 12)
            due = datetime(year, month + 1, monthrange(year, month + 1)[1])
            gold["Invoices"].put(f"D{row}", Formula(f"=EOMONTH(B{row},1)", due), "date")
    return MiniTask(
        9111,
        CELL_LEVEL,
        "D5:D20",
        "Looking for a formula for the due date in column D. Our terms are the last day of the "
        "month following the invoice date, so an invoice from 2 November is due on 31 December. "
        "Where there is no date yet the due date has to stay empty (I get 31/01/1900 there, "
        "which looks silly). Same date format as column B.",
        book,
        gold,
    )

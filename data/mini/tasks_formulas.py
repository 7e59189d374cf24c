"""Tasks about formulas: conditional sums, lookups, a running balance, shares and growth."""

from datetime import datetime, timedelta
from math import fsum

from mini_book import (
    CELL_LEVEL,
    DEPARTMENTS,
    PRODUCTS,
    Book,
    Cell,
    Dice,
    Formula,
    MiniTask,
    Sheet,
)


def spending_by_department() -> MiniTask:
    dice = Dice(1)
    kinds = ("Travel", "Supplies", "Repairs")
    rows = [
        (
            datetime(2024, 1, 3) + timedelta(days=3 * n),
            dice.pick(DEPARTMENTS[:5]),
            dice.pick(kinds),
            dice.money(15, 400),
        )
        for n in range(26)
    ]
    sheet = Sheet("Payments")
    sheet.title("Payments, first quarter", "A1:D1")
    last = sheet.table(3, ["Date", "Department", "Kind", "Amount"], rows, ["date", "", "", "money"])
    sheet.table(3, ["Department", "Travel", "Supplies"], [[d] for d in sorted(DEPARTMENTS)], left=6)
    sheet.put(f"A{last + 2}", "Export of 1 April, amounts without tax", "note")
    book = Book([sheet])
    gold = book.copy()
    for row, department in enumerate(sorted(DEPARTMENTS), start=4):
        for letter, kind in (("G", "Travel"), ("H", "Supplies")):
            total = fsum(r[3] for r in rows if r[1:3] == (department, kind))
            text = f"=SUMIFS($D$4:$D${last},$B$4:$B${last},$F{row},$C$4:$C${last},{letter}$3)"
            gold["Payments"].put(f"{letter}{row}", Formula(text, round(total, 2)), "money")
    return MiniTask(
        9001,
        CELL_LEVEL,
        "G4:H9",
        "I keep our payments in columns A to D and next to it I started a small table, F to H, "
        "with one line for each department. I'd like a formula there that adds up the amounts for "
        "that department, once for Travel and once for Supplies (other kinds I don't need). I was "
        "trying SUMIF but it only takes one condition?? A department that has not spent anything "
        "should simply show 0. The list gets longer every week, so please no typing in of numbers.",
        book,
        gold,
    )


def price_for_article() -> MiniTask:
    """The list holds article numbers as text, the orders hold them as numbers."""
    dice = Dice(2)
    numbers = [1040 + 7 * n for n in range(14)]
    prices = {number: dice.money(4, 90) for number in numbers}
    articles = Sheet("Articles")
    articles.table(
        1,
        ["Article", "Name", "Price"],
        [(str(n), f"{dice.pick(PRODUCTS)} {n % 10}", prices[n]) for n in numbers],
        ["text", "", "money"],
    )
    ordered = [numbers[dice.number(0, 13)] for _ in range(16)]
    ordered[5], ordered[11] = 2077, 1041
    orders = Sheet("Orders")
    orders.title("Open orders", "A1:D1")
    orders.put("A2", "Price is per piece", "note")
    orders.table(
        4,
        ["Order", "Article", "Pieces", "Price"],
        [(f"K-{300 + i}", number, dice.number(1, 25)) for i, number in enumerate(ordered)],
    )
    book = Book([orders, articles])
    gold = book.copy()
    for row, number in enumerate(ordered, start=5):
        text = (
            '=IFERROR(INDEX(Articles!$C$2:$C$15,MATCH(B%d&"",Articles!$A$2:$A$15,0)),"not listed")'
        )
        found = prices.get(number, "not listed")
        gold["Orders"].put(f"D{row}", Formula(text % row, found), "money")
    return MiniTask(
        9004,
        CELL_LEVEL,
        "'Orders'!D5:D20",
        "On the Orders sheet I need the price of each article in column D, from the Articles "
        "sheet. INDEX/MATCH (and VLOOKUP too) gives me #N/A on every single line although I can "
        "see the numbers are there! If an article really isn't in the list it should say "
        "not listed.",
        book,
        gold,
    )


def running_balance() -> MiniTask:
    dice = Dice(3)
    sheet = Sheet("Cash box")
    sheet.title("Cash box, ground floor", "A1:E1")
    sheet.put("A2", "Counted every Friday", "note")
    sheet.row(4, ["Date", "What for", "In", "Out", "Balance"], ["header"] * 5)
    sheet.row(5, [None, "Brought forward", None, None, 618.4], ["", "", "", "", "money"])
    reasons = ("Stamps", "Coffee", "Deposit returned", "Parking", "Copies sold", "Batteries")
    entries: list[tuple[int, float | None, float | None]] = []
    for row in range(6, 22):
        if row in (10, 16):
            sheet.put(f"A{row}", f"Week {(row - 4) // 6 + 1}", "note")
            continue
        amount = dice.money(2, 60)
        into = amount if dice.number(1, 3) == 1 else None
        out = None if into else amount
        day = datetime(2024, 5, 1) + timedelta(days=row)
        styles = ["date", "", "money", "money"]
        sheet.row(row, [day, dice.pick(reasons), into, out], styles)
        entries.append((row, into, out))
    book = Book([sheet])
    gold = book.copy()
    balance = 618.4
    for row, into, out in entries:
        balance = round(balance + (into or 0) - (out or 0), 2)
        text = f"=$E$5+SUM(C$6:C{row})-SUM(D$6:D{row})"
        gold["Cash box"].put(f"E{row}", Formula(text, balance), "money")
    return MiniTask(
        9007,
        CELL_LEVEL,
        "E6:E21",
        "Simple cash book, money in is column C, money out column D. Column E should have the "
        "running balance after each entry, starting from what was brought forward in E5. The "
        "lines that only say which week it is must stay empty, that is where my own attempt "
        "breaks because the next line then starts from nothing.",
        book,
        gold,
    )


def shares_of_budget() -> MiniTask:
    dice = Dice(4)
    names = [*DEPARTMENTS, "Garage", "Front desk"]
    spent = [dice.money(200, 9000) for _ in names]
    budget = [0.0 if name == "Garage" else dice.money(2000, 9500) for name in names]
    sheet = Sheet("Budget")
    sheet.title("Spending against budget", "A1:E1")
    sheet.table(
        3,
        ["Department", "Spent", "Budget", "Share", "Used"],
        list(zip(names, spent, budget, strict=True)),
        ["", "money", "money"],
    )
    sheet.row(
        12,
        ["Total", Formula("=SUM(B4:B11)", fsum(spent)), Formula("=SUM(C4:C11)", fsum(budget))],
        ["total"] * 3,
    )
    book = Book([sheet])
    gold = book.copy()
    for row, (used, planned) in enumerate(zip(spent, budget, strict=True), start=4):
        share = Formula(f"=B{row}/B$12", used / fsum(spent))
        part = Formula(f'=IF(C{row}=0,"no budget",B{row}/C{row})', used / (planned or 1))
        if not planned:
            part = Formula(part.text, "no budget")
        gold["Budget"].row(row, [share, part], ["percent", "percent"], left=4)
    return MiniTask(
        9102,
        CELL_LEVEL,
        "D4:E11",
        "Can someone give me the formulas for D and E please? D is how much of everything we "
        "spent went to that department (as a percentage), E is how much of its own budget the "
        "department has used up. One of them has no budget at all so I get #DIV/0!, there I'd "
        "like the words no budget instead.",
        book,
        gold,
    )


def name_and_price_for_code() -> MiniTask:
    """Codes of the hidden list carry stray blanks; some of the user's are numbers."""
    dice = Dice(5)
    codes = ["A17", "A18", "B02", "B40", "C11", "C12", "D05", "310", "311", "312", "0450", "0451"]
    names = dict(zip(codes, (f"{p} {s}" for s in "SL" for p in PRODUCTS), strict=False))
    prices = {code: dice.money(3, 120) for code in codes}
    listing = Sheet("codes", hidden=True)
    listing.table(
        1,
        ["Code", "Item", "Unit price"],
        [(f"{c} " if n % 3 == 0 else c, names[c], prices[c]) for n, c in enumerate(codes)],
        ["text", "", "money"],
    )
    asked = [dice.pick(codes) for _ in range(16)]
    sheet = Sheet("Quote")
    sheet.title("Quotation", "A1:E1")
    sheet.table(
        2,
        ["Line", "Code", "Item", "Pieces", "Unit price"],
        [
            (n, int(code) if code[0] == "3" else code, None, dice.number(1, 12))
            for n, code in enumerate(asked, start=1)
        ],
    )
    book = Book([sheet, listing])
    gold = book.copy()
    for row, code in enumerate(asked, start=3):
        line = f'SUMPRODUCT((TRIM(codes!$A$2:$A$13)=B{row}&"")*(ROW(codes!$A$2:$A$13)-1))'
        name = Formula(f"=INDEX(codes!$B$2:$B$13,{line})", names[code])
        price = Formula(f"=INDEX(codes!$C$2:$C$13,{line})", prices[code])
        gold["Quote"].put(f"C{row}", name)
        gold["Quote"].put(f"E{row}", price, "money")
    return MiniTask(
        9105,
        CELL_LEVEL,
        "C3:C18,E3:E18",
        "Our quotation form should look up the item and its unit price from the code in column B. "
        "The code list sits on a hidden sheet called codes (someone exported it from the old "
        "system, it is a bit untidy). My VLOOKUP works for some lines and gives #N/A for "
        "others, all the codes do exist. Please fill columns C and E.",
        book,
        gold,
    )


def growth_over_year() -> MiniTask:
    dice = Dice(6)
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    counts = [[dice.number(120, 900) for _ in range(4)] for _ in months]
    rows: list[list[Cell]] = [[m, *row] for m, row in zip(months, counts, strict=True)]
    sheet = Sheet("Visitors")
    sheet.title("Visitors by entrance", "A1:E1")
    sheet.table(3, ["Month", "North gate", "South gate", "Bridge", "Ferry"], rows)
    sheet.put("G3", "Growth Jan to Dec", "header")
    sheet.put("G6", "The answer goes into G4", "note")
    book = Book([sheet])
    gold = book.copy()
    growth = sum(counts[-1]) / sum(counts[0]) - 1
    gold["Visitors"].put("G4", Formula("=SUM(B15:E15)/SUM(B4:E4)-1", growth), "percent")
    return MiniTask(
        9118,
        CELL_LEVEL,
        "'Visitors'!G4",
        "What I need in G4: by how many percent has the total over all four entrances changed "
        "from January to December? As a real number with percent format so I can reuse it in a "
        "chart, not as text.",
        book,
        gold,
    )

"""Draw the sample pages and write their questions: python docvqa/samples/make_pages.py"""

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
PAGES = {
    "invoice": [
        "WILLOW & SONS, PAPER MERCHANTS",
        "Invoice no. 4417          Date: 3 March 1987",
        "To: Harbour School, 12 Quay Lane",
        "40 reams of white paper        220.00",
        "6 boxes of chalk                19.50",
        "Total                          239.50",
        "Payable within 30 days",
    ],
    "memo": [
        "MEMORANDUM",
        "From: R. Ashdown        To: All laboratory staff",
        "Subject: Repair of the east stairs",
        "The east stairs are closed from Monday, 9 May,",
        "to Thursday, 12 May. Please use the lift.",
        "Questions: extension 318",
    ],
}
QUESTIONS = [
    ("invoice", "What is the invoice number?", ["4417", "no. 4417"], "form"),
    ("invoice", "What is the total amount?", ["239.50"], "table/list"),
    ("invoice", "To whom is the invoice addressed?", ["Harbour School", "harbour school"], "form"),
    ("memo", "Who wrote the memorandum?", ["R. Ashdown"], "form"),
    ("memo", "What is closed from Monday?", ["The east stairs", "east stairs"], "free_text"),
    ("memo", "Which extension answers questions?", ["318", "extension 318"], "free_text"),
]


def main() -> None:
    font = ImageFont.load_default(20)
    for name, lines in PAGES.items():
        page = Image.new("L", (640, 420), 255)
        draw = ImageDraw.Draw(page)
        for number, line in enumerate(lines):
            draw.text((40, 40 + 48 * number), line, font=font, fill=0)
        page.convert("1").save(HERE / "pages" / f"{name}.png", optimize=True)
    records = [
        {
            "questionId": number,
            "question": question,
            "question_types": [kind],
            "image": f"pages/{page}.png",
            "docId": page,
            "answers": answers,
        }
        for number, (page, question, answers, kind) in enumerate(QUESTIONS, start=1)
    ]
    text = json.dumps({"data": records}, indent=1) + "\n"
    (HERE / "questions.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

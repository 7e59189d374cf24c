"""A data set as this package reads it, from what its homes give: the challenge's JSON with a folder
of images, or parquet shards that hold both."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docvqa.questions import NAMES, questions
from react_agent.errors import ContractError
from react_agent.files import write_whole

PAGES = "pages"


def collect(source: Path, target: Path) -> None:
    """Fill `target` with questions.json and the pages. Raises ContractError."""
    (target / PAGES).mkdir(parents=True)
    indexes = [path for name in NAMES for path in sorted(source.rglob(name))]
    shards = sorted(source.rglob("*.parquet"))
    if indexes:
        records = list(_from_json(indexes[0], source, target))
    elif shards:
        records = [record for shard in shards for record in _from_shard(shard, target)]
    else:
        raise ContractError(f"{source}: neither {', '.join(NAMES)} nor a .parquet file is there")
    text = json.dumps({"data": records}, ensure_ascii=False, indent=1)
    write_whole(target / "questions.json", text + "\n")


def _from_json(index: Path, source: Path, target: Path) -> Iterator[dict[str, Any]]:
    """Archives of different years keep the images in different folders, under the same names."""
    images = {p.name: p for p in source.rglob("*") if p.suffix in (".png", ".jpg", ".jpeg")}
    for question in questions(index):
        name = Path(question.image).name
        if name not in images:
            raise ContractError(f"{source}: the image {name} of question {question.id} is missing")
        if not (target / PAGES / name).exists():
            shutil.copyfile(images[name], target / PAGES / name)
        record = question.model_dump(mode="json", by_alias=True)
        yield {**record, "image": f"{PAGES}/{name}"}


def _from_shard(shard: Path, target: Path) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError:
        raise ContractError(
            f"{shard}: parquet needs pyarrow: pip install 'trace2skill-toolkit[experiments]'"
        ) from None
    try:
        for batch in ParquetFile(shard).iter_batches(batch_size=16):
            for row in batch.to_pylist():
                yield _record(row, target)
    except (OSError, ArrowException, KeyError, TypeError) as error:
        raise ContractError(f"{shard}: is no shard of DocVQA: {error!r}") from None


def _record(row: dict[str, Any], target: Path) -> dict[str, Any]:
    page = f"{row.get('ucsf_document_id') or row['docId']}_{row.get('ucsf_document_page_no') or 0}"
    name = re.sub(r"[^\w.-]", "_", page) + ".png"
    if not (target / PAGES / name).exists():
        write_whole(target / PAGES / name, row["image"]["bytes"])
    return {
        "questionId": str(row["questionId"]),
        "question": row["question"],
        "question_types": list(row.get("question_types") or ()),
        "image": f"{PAGES}/{name}",
        "answers": list(row["answers"]),
    }

"""How good a segmenter is, as files: figures, a picture of its confusions, faces worst first.

index.html needs nothing but what lies beside it, and no other host.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.errors import InvalidRequestError
from core.files import whole_file, write_whole
from core.segmentation.classes import UNLABELLED, ClassSet
from core.segmentation.metrics import Scores, score

_SHOWN = 320  # px of each picture of a face
_CELL, _RIM = 26, 110  # px of the confusion matrix
_WRONG = np.array([255, 0, 80], np.float32)

_STYLE = (
    ":root{color-scheme:light dark}body{font:15px system-ui,sans-serif;margin:2rem;max-width:70rem}"
    "table{border-collapse:collapse}td{padding:.15rem .8rem;text-align:right}"
    "th{padding:.15rem .8rem;text-align:right;font-weight:600}"
    "td.name{text-align:left}i{display:inline-block;width:.8em;height:.8em;margin-right:.5em}"
    "img{max-width:100%}figure{margin:1rem 0}figcaption{opacity:.7}"
)


def write_report(
    folder: Path,
    names: Sequence[str],
    images: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    classes: ClassSet,
    facts: Mapping[str, Any] | None = None,
) -> Scores:
    """Write report.json, confusion.png, faces/<name>.jpg and index.html into `folder`.

    images: uint8 [N, R, R, 3]. truth, predicted: indices uint8 [N, S, S]. facts: of the
    segmenter, shown and stored. Every file is whole or not there; index.html comes last.
    Returns the scores over all faces.
    """
    if not len(names) == len(images) == len(truth) == len(predicted) or not len(names):
        raise InvalidRequestError(
            f"A report needs as many names, images and masks, at least one; got {len(names)}, "
            f"{len(images)}, {len(truth)} and {len(predicted)}."
        )
    whole = score(truth, predicted, classes)
    each = [score(t, p, classes).mean_f1() for t, p in zip(truth, predicted, strict=True)]
    worst_first = sorted(range(len(names)), key=lambda place: each[place])
    pictures = {}
    for place in worst_first:
        pictures[place] = f"faces/{place:04d}.jpg"
        sheet = face_sheet(images[place], truth[place], predicted[place], classes)
        with whole_file(folder / pictures[place]) as unfinished:
            Image.fromarray(sheet).save(unfinished, "JPEG", quality=88)
    with whole_file(folder / "confusion.png") as unfinished:
        confusion_picture(whole).save(unfinished, "PNG")
    content = {
        **whole.as_json(),
        "confusion": whole.confusion.tolist(),
        "class_names": list(classes.names),
        "faces": [
            {"name": names[i], "mean_f1": round(100 * each[i], 2), "picture": pictures[i]}
            for i in worst_first
        ],
        "facts": dict(facts or {}),
    }
    write_whole(folder / "report.json", (json.dumps(content, indent=1) + "\n").encode())
    write_whole(folder / "index.html", _page(content, classes).encode())
    return whole


def face_sheet(
    image: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    classes: ClassSet,
) -> NDArray[np.uint8]:
    """Side by side: image, painted mask, predicted mask, what differs; uint8 [h, 4 h, 3]."""
    photo = np.asarray(Image.fromarray(image).resize((_SHOWN, _SHOWN)), np.float32)
    painted, found = (_shown(classes.palette()[mask]) for mask in (truth, predicted))
    differs = ((truth != predicted) & (truth != UNLABELLED)).astype(np.uint8) * 255
    share = np.asarray(Image.fromarray(differs).resize((_SHOWN, _SHOWN)), np.float32) / 255
    grey = photo.mean(-1, keepdims=True) * 0.6 + 60
    wrong = grey * (1 - share[..., None]) + _WRONG * share[..., None]
    parts = [photo, 0.35 * photo + 0.65 * painted, 0.35 * photo + 0.65 * found, wrong]
    return np.concatenate(parts, 1).clip(0, 255).astype(np.uint8)


def confusion_picture(scores: Scores) -> Image.Image:
    """Rows: painted classes, columns: predicted; the darker, the larger the share of the row."""
    count = scores.classes.num_classes
    shares = scores.confusion / np.maximum(scores.confusion.sum(1, keepdims=True), 1)
    side = _RIM + count * _CELL + 10
    picture = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(picture)
    for row in range(count):
        y = _RIM + row * _CELL
        draw.text((4, y + 6), scores.classes.names[row], fill="black")
        for column in range(count):
            x, share = _RIM + column * _CELL, float(shares[row, column])
            level = round(255 * (1 - share**0.5))  # the root shows small confusions too
            hue = (level, 255 - (255 - level) // 3, level) if row == column else (255, level, level)
            draw.rectangle((x, y, x + _CELL - 2, y + _CELL - 2), fill=hue)
            if share >= 0.005:
                draw.text((x + 4, y + 6), f"{100 * share:.0f}", fill="black")
    for column in range(count):
        name = Image.new("RGB", (_RIM - 8, 14), "white")
        ImageDraw.Draw(name).text((0, 0), scores.classes.names[column], fill="black")
        picture.paste(name.rotate(90, expand=True), (_RIM + column * _CELL + 5, 4))
    return picture


def _shown(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    picture = Image.fromarray(colours).resize((_SHOWN, _SHOWN), Image.Resampling.NEAREST)
    return np.asarray(picture, np.float32)


def _page(content: Mapping[str, Any], classes: ClassSet) -> str:
    rows = [
        f"<tr><td class=name><i style='background:rgb{colour}'></i>{html.escape(name)}</td>"
        f"<td>{_number(found['f1'])}</td><td>{_number(found['iou'])}</td>"
        f"<td>{found['pixels']}</td></tr>"
        for (name, found), colour in zip(content["classes"].items(), classes.colours, strict=True)
    ]
    means = (
        f"<p>Mean F1 {content['mean_f1']} %, mean IoU {content['mean_iou']} % (background left "
        f"out); with it {content['mean_f1_with_background']} % and "
        f"{content['mean_iou_with_background']} %. Accuracy {content['accuracy']} %.</p>"
    )
    faces = [
        f"<figure><img src='{face['picture']}' alt='' loading=lazy><figcaption>"
        f"{html.escape(face['name'])}: mean F1 {face['mean_f1']} %</figcaption></figure>"
        for face in content["faces"]
    ]
    facts = html.escape(json.dumps(content["facts"], indent=1))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Segmenter report</title>"
        f"<style>{_STYLE}</style><h1>Segmenter report</h1>{means}"
        "<table><tr><th>class</th><th>F1 %</th><th>IoU %</th><th>painted pixels</th></tr>"
        f"{''.join(rows)}</table><h2>Confusions, % of the painted class</h2>"
        "<p>Rows: painted, columns: predicted.</p><img src='confusion.png' alt='confusion matrix'>"
        "<h2>Faces, worst first</h2><p>Image, painted, predicted, differences.</p>"
        f"{''.join(faces)}<h2>How it was made</h2><pre>{facts}</pre></html>\n"
    )


def _number(value: float | None) -> str:
    return "does not occur" if value is None else f"{value:.2f}"

"""Parquet files that Hugging Face `datasets` loads without a script, a chunk each.

`data/<split>-00000-of-0000N.parquet`; columns: name, image, mask, ws, asked, measured, quality
and what makes the face again. The library's features are stored in the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.export.formats.format import FileGroup, Format, Stored
from core.export.formats.reading import image_pixels, mask_pixels
from core.export.pictures import image_file, mask_file
from core.export.sample import Sample
from core.files import whole_file

if TYPE_CHECKING:
    from datasets import Features

_QUALITY = ("artifact", "uncertainty")
_WHOLE_NUMBERS = ("identity", "variant", "seed", "attempt")
_TEXTS = ("source", "painted_by", "image_sha256", "mask_sha256")


class HuggingFace(Format):
    """One row a face; `mask` is a PNG of class ids, `ws` float32 [L, D]."""

    name = "huggingface"
    title = "Hugging Face Parquet, one row a face, with latents and attributes"

    def write_chunk(self, chunk_index: int, split: str, samples: Sequence[Sample]) -> list[Path]:
        import pyarrow as pa  # here: half a second that only an export should wait for
        import pyarrow.parquet as pq

        place, count = self.facts.place_in_split(chunk_index, split), self.facts.num_chunks(split)
        path = self.folder / "data" / f"{split}-{place:05d}-of-{count:05d}.parquet"
        schema: pa.Schema = self._features(*samples[0].ws.shape).arrow_schema
        rows = [self._row(sample) for sample in samples]
        columns = [
            _latents(samples)
            if field.name == "ws"
            else pa.array([row[field.name] for row in rows], field.type)
            for field in schema
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            # Pictures are packed already and w is noise to any packer.
            pq.write_table(table, file, compression="none", use_dictionary=False)
        return [path]

    def groups(self) -> Sequence[FileGroup]:
        return (FileGroup("data/*.parquet", "application/x-parquet", "faces"),)

    def hub_files(self) -> Mapping[str, str]:
        return {split: f"data/{split}-*.parquet" for split in self.facts.splits}

    def read_back(self) -> Iterator[Stored]:
        import pyarrow.parquet as pq

        for split in self.facts.splits:
            for path in sorted((self.folder / "data").glob(f"{split}-*.parquet")):
                columns = pq.read_table(path, columns=["name", "image", "mask"]).to_pylist()
                for row in columns:
                    image = image_pixels(row["image"]["bytes"])
                    yield Stored(row["name"], split, image, mask_pixels(row["mask"]["bytes"]))

    def _features(self, num_ws: int, w_dim: int) -> Features:
        from datasets import Features, Image, Value
        from datasets import Sequence as ListOf  # here: seconds to import

        numbers = {known.name: Value("float32") for known in self.facts.attributes}
        return Features(
            {
                "name": Value("string"),
                "image": Image(),
                "mask": Image(),
                **{name: Value("int64") for name in _WHOLE_NUMBERS},
                "psi": Value("float32"),
                **({"asked": numbers, "measured": numbers} if numbers else {}),
                "quality": {name: Value("float32") for name in _QUALITY},
                # Array2D would need `datasets` to be read with pandas
                "ws": ListOf(ListOf(Value("float32"), w_dim), num_ws),
                **{name: Value("string") for name in _TEXTS},
            }
        )

    def _row(self, sample: Sample) -> dict[str, Any]:
        record, name = sample.record, sample.name
        image = image_file(sample, self.facts, self.suffix)
        order = {"identity": sample.order.identity, "variant": sample.order.variant}
        return {
            "name": name,
            "image": {"bytes": image, "path": f"{name}{self.suffix}"},
            "mask": {"bytes": mask_file(sample), "path": f"{name}.mask.png"},
            **{key: record.get(key) for key in (*_WHOLE_NUMBERS, "psi", *_TEXTS)},
            **order,
            **{key: self._numbers(record.get(key, {})) for key in ("asked", "measured")},
            "quality": {key: record.get("quality", {}).get(key) for key in _QUALITY},
        }

    def _numbers(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {known.name: values.get(known.name) for known in self.facts.attributes}


def _latents(samples: Sequence[Sample]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """ws as fixed-size lists in lists, [N, L, D], without a detour over Python's numbers."""
    import pyarrow as pa

    ws = np.stack([sample.ws for sample in samples])
    rows = pa.FixedSizeListArray.from_arrays(pa.array(ws.ravel()), ws.shape[2])
    return pa.FixedSizeListArray.from_arrays(rows, ws.shape[1])
